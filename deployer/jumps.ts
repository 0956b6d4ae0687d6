/** Jump hosts outside of the inventory. */
import { type KnownHosts, pinnedHostKey } from "../inventory/known-hosts.ts";
import type { Jump } from "../inventory/ssh.ts";
import { RunError } from "../lib/run-error.ts";
import { parseSshPublicKey } from "../lib/ssh-public-key.ts";
import type { SshJump } from "./ssh.ts";

/**
 * Connection data of a jump host outside of the inventory, with its pinned key.
 * @param host the host behind it
 * @throws RunError when no key is pinned for it.
 */
export function outsideJump(
  host: string,
  { address, port, user, hostKey }: Exclude<Jump, string>,
  { deployUser, pins }: { readonly deployUser: string; readonly pins: KnownHosts },
): SshJump {
  const pin = hostKey === undefined ? pinnedHostKey(pins, [address], port) : { key: hostKey };
  if (pin.key === undefined) {
    const why = pin.problem === undefined ? "" : ` (${pin.problem})`;
    throw new RunError(
      `hosts.${host}.ssh.jump: no host key is pinned for ${address}${why}; set host_key, or add a line to ${pins.file}`,
    );
  }
  const key = parseSshPublicKey(pin.key).line;
  return { host: address.toLowerCase(), address, port, user: user ?? deployUser, hostKey: key };
}
