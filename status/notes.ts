/** What a host's line says beside its state. */
import { shortHash } from "../lib/store-path.ts";
import type { HostStatus } from "./classify.ts";

/** Joined by semicolons; empty when there is nothing to say. */
export function statusNotes(host: HostStatus): string {
  const { detail, needsReboot, wanted, running, boots, pinned, reachable, required } = host;
  return [
    ...(detail === undefined ? [] : [detail]),
    ...(wanted !== undefined && wanted !== running ? [`wanted ${shortHash(wanted)}`] : []),
    ...(boots !== undefined && boots !== running ? [`boots ${shortHash(boots)}`] : []),
    ...(pinned === undefined ? [] : [`pinned to ${shortHash(pinned)}`]),
    ...(needsReboot ? ["needs a reboot"] : []),
    ...(reachable === false && running !== undefined ? ["runs: as of the last run"] : []),
    ...(required ? [] : ["best effort"]),
  ].join("; ");
}
