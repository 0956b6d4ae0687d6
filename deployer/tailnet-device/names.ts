/**
 * Finds a host's device in the tailnet, and checks that it has the host's name. A machine that
 * joins while another device has its name becomes `NAME-1`; the name, and every URL with it, then
 * leads to the other device.
 */
import type { TailscaleApi } from "../../clients/tailscale/api.ts";
import { type Device, idOf, removeDevice, renameDevice } from "../../clients/tailscale/devices.ts";
import { devicesOf } from "./spec.ts";

/** Page on which the user can change devices. */
const CONSOLE = "https://login.tailscale.com/admin/machines";
/** Without `connectedToControl` in the answer, a device seen this recently counts as connected. */
const RECENT_MS = 10 * 60_000;

export interface JoinedHost {
  readonly host: string;
  /** The tag that only this host has. */
  readonly tag: string;
  /** Node id that the machine itself reports. */
  readonly nodeId?: string | undefined;
}

export interface NameFinding {
  /** The host's current MagicDNS name; undefined: it has not joined, as far as is known. */
  readonly name?: string;
  /** Devices of earlier machines, which `up` removes. */
  readonly remove: readonly Device[];
  /** The host's device, when `up` gives it the host's name. */
  readonly rename?: Device;
  /** What `up` changes, or what the user must change: one line, without the host's name. */
  readonly text?: string;
  /** True: only the user can solve it. */
  readonly problem: boolean;
}

const labelOf = ({ name }: Device): string => name.split(".")[0] ?? "";

const isConnected = ({ connectedToControl, lastSeen }: Device, now: number): boolean =>
  connectedToControl ?? now - Date.parse(lastSeen ?? "") < RECENT_MS;

const isExpired = ({ expires, keyExpiryDisabled }: Device, now: number): boolean =>
  keyExpiryDisabled === false && Date.parse(expires ?? "") < now;

/** The device that joined last. A device without a time counts as the oldest. */
const newest = (devices: readonly Device[]): Device | undefined =>
  [...devices].sort((a, b) => (a.created ?? "").localeCompare(b.created ?? "")).at(-1);

/** `device ID (web.tail0000.ts.net, ada@example.test, last seen 2026-01-01T00:00:00Z)`. */
function describe(device: Device, now: number): string {
  const { name, tags = [], user, lastSeen } = device;
  const owner = tags.length > 0 ? tags.join(" ") : (user ?? "an unknown user");
  const seen = isConnected(device, now) ? "connected now" : `last seen ${lastSeen ?? "at an unknown time"}`;
  return `device ${idOf(device) ?? "without id"} (${name}, ${owner}, ${seen}${isExpired(device, now) ? ", its key has expired" : ""})`;
}

/**
 * The host's own device (`live`): the one with the node id that the machine reports. Without a
 * report it is one of the devices with the host's tag, which only this host's keys give: the
 * connected one that joined last, or else the one that joined last. `sure`: it is certain that this
 * device is the host.
 *
 * A report alone is not trusted, because a host can name any device: a device with the tag of another
 * host does not count, and an untagged one, such as a laptop, is never changed.
 */
function ownDevice(
  devices: readonly Device[],
  own: readonly Device[],
  { nodeId, tag }: JoinedHost,
  now: number,
) {
  const reported = devices.find((device) => nodeId !== undefined && idOf(device) === nodeId);
  const tags = reported?.tags ?? [];
  if (reported !== undefined && (tags.length === 0 || tags.includes(tag)))
    return { live: reported, sure: tags.includes(tag) };
  const connected = own.filter((device) => isConnected(device, now));
  return { live: newest(connected.length > 0 ? connected : own), sure: connected.length === 1 };
}

/** Compares a host with the tailnet's devices. Changes nothing. */
export function nameFinding(devices: readonly Device[], joined: JoinedHost, now: number): NameFinding {
  const { host, tag } = joined;
  const own = devicesOf(devices, host, tag);
  const { live, sure } = ownDevice(devices, own, joined, now);
  const holder = devices.find((device) => labelOf(device) === host);
  const warning = (text: string): NameFinding => ({
    ...(live !== undefined && { name: live.name }),
    remove: [],
    text,
    problem: false,
  });
  if (live === undefined) {
    if (holder === undefined) return { remove: [], problem: false };
    return warning(
      `in the tailnet its name belongs to ${describe(holder, now)}, which did not join with this host's key; if that is another ` +
        `machine, rename or remove it (${CONSOLE}), or the host joins as ${host}-1`,
    );
  }
  const others = own.filter((device) => device !== live);
  const rival = others.find((device) => isConnected(device, now));
  if (rival !== undefined) {
    return warning(
      `two devices are connected to the tailnet with its key: ${describe(live, now)} and ${describe(rival, now)}; if both are ` +
        `still connected in a few minutes, stop the machine that is not this host and remove it (${CONSOLE})`,
    );
  }
  if (holder !== undefined && holder !== live && !others.includes(holder)) {
    const text =
      `in the tailnet it is ${live.name}, because its name belongs to ${describe(holder, now)}, which is not this host's; ` +
      `rename or remove that device (${CONSOLE}), then run up again`;
    return { ...warning(text), problem: true };
  }
  // Without certainty about the host's device nothing is changed. The vendor removes ephemeral
  // devices by itself.
  const stale = sure ? others.filter((device) => device === holder || device.isEphemeral !== true) : [];
  const renamed = sure && labelOf(live) !== host;
  if (stale.length === 0 && !renamed) return { name: live.name, remove: [], problem: false };
  return {
    name: live.name,
    remove: stale,
    ...(renamed && { rename: live }),
    text: [
      ...(renamed ? [`in the tailnet it is ${live.name}: up renames ${describe(live, now)} to ${host}`] : []),
      ...stale.map(
        (device) => `up removes ${describe(device, now)}, which an earlier machine of this host left`,
      ),
    ].join("; "),
    problem: false,
  };
}

/**
 * Makes the changes of a finding. Safe to run twice.
 * @returns the host's name in the tailnet afterwards
 * @throws Error when the vendor refuses
 */
export async function claimName(
  api: TailscaleApi,
  host: string,
  { name, remove, rename }: NameFinding,
): Promise<string | undefined> {
  for (const device of remove) {
    const id = idOf(device);
    if (id !== undefined) await removeDevice(api, id);
  }
  const id = rename && idOf(rename);
  if (rename === undefined || id === undefined) return name;
  await renameDevice(api, id, host);
  return [host, ...rename.name.split(".").slice(1)].join(".");
}
