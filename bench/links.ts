/** Commands that limit the bandwidth of a sandbox host's link. Pure. */
import { driverNamespace, linkName, machineNamespace } from "../sandbox/network/names.ts";

/** The end of the link at the runner limits what the host receives, the host's end what it sends. */
const ends = (sandbox: string, machine: string): readonly (readonly [string, string])[] => [
  [driverNamespace(sandbox), linkName(machine)],
  [machineNamespace(sandbox, machine), "eth0"],
];

/** A token bucket of 100 Mbit/s (tc-tbf(8)); the burst is 10 ms at that rate. */
const BUCKET = ["tbf", "rate", "100mbit", "burst", "128kb", "latency", "50ms"];

export const slowLinkCommands = (sandbox: string, machine: string): readonly (readonly string[])[] =>
  ends(sandbox, machine).map(([namespace, link]) => [
    ...["tc", "-n", namespace, "qdisc", "replace", "dev", link, "root"],
    ...BUCKET,
  ]);

export const fastLinkCommands = (sandbox: string, machine: string): readonly (readonly string[])[] =>
  ends(sandbox, machine).map(([namespace, link]) => [
    ...["tc", "-n", namespace, "qdisc", "del", "dev", link, "root"],
  ]);
