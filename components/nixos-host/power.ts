/** Hosts whose servers are off or start in this run. */
import type { DeployResult } from "../../deployer/protocol/result.ts";

export type HostPower =
  /** The server boots in this run; the probe waits for its first answer. */
  | { readonly is: "starting" }
  /** The server is off and stays off in this run. */
  | { readonly is: "off"; readonly reason: string; readonly hint: string };

/** Adds to a failed connection that the server is off: that explains it. */
export function withPower(result: DeployResult, power: HostPower | undefined): DeployResult {
  if (power?.is !== "off" || !["connect", "copy"].includes(result.step ?? "")) return result;
  const { reason, hint } = power;
  return { ...result, reason: result.reason ? `${result.reason}\n${reason}` : reason, hint };
}
