/** What is done to a host's device, without any secret: it stands in the state until the device is removed. */
export interface DeviceSpec {
  /** Base URL of the API. */
  readonly api: string;
  readonly host: string;
  /** The tag that only this host has. */
  readonly tag: string;
  /** A renamed host's former name and own tag. */
  readonly formerly?: { readonly host: string; readonly tag: string };
  /** All tags of the host, for a rename. */
  readonly tags?: readonly string[];
}

/** A device, as far as it is told from others. Source: Tailscale API, `GET /tailnet/{tailnet}/devices`. */
export interface Device {
  readonly nodeId?: string;
  readonly id?: string;
  /** Full MagicDNS name. */
  readonly name: string;
  /** What the machine calls itself. */
  readonly hostname: string;
  readonly tags?: readonly string[];
}

/**
 * Devices of a host: those with its name (a machine that joined again is `web-1` and still calls itself `web`) and with the tag
 * that the program's key for this host gave. Neither alone is enough to touch somebody's machine.
 */
export function devicesOf(devices: readonly Device[], host: string, tag: string): Device[] {
  return devices.filter(
    ({ name, hostname, tags = [] }) =>
      (hostname === host || name.split(".")[0] === host) && tags.includes(tag),
  );
}
