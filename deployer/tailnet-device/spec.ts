import type { Device } from "../../clients/tailscale/devices.ts";

/** Input of main.ts. It holds no secret, because it is in the state until the device is removed. */
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

/**
 * Devices of a host: those with its name and with the tag of its own key. Either alone could match a device of another owner.
 * A machine that joins again becomes `web-1` and still reports the host name `web`.
 */
export function devicesOf(devices: readonly Device[], host: string, tag: string): Device[] {
  return devices.filter(
    ({ name, hostname, tags = [] }) =>
      (hostname === host || name.split(".")[0] === host) && tags.includes(tag),
  );
}
