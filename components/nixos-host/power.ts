/** A host whose machine is not simply on. */
import type { DeployResult } from "../../deployer/protocol/result.ts";

/** What a run has to know of a server's power. */
export type HostPower =
  /** It boots in this run: its first answer is waited for. */
  | { readonly is: "starting" }
  /** It is off, and stays so in this run. */
  | { readonly is: "off"; readonly reason: string; readonly hint: string };

/** Of a host that could not be reached because its server is off, that is what there is to say. */
export function withPower(result: DeployResult, power: HostPower | undefined): DeployResult {
  if (power?.is !== "off" || !["connect", "copy"].includes(result.step ?? "")) return result;
  const { reason, hint } = power;
  return { ...result, reason: result.reason ? `${result.reason}\n${reason}` : reason, hint };
}
