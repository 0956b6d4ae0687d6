/** What the checks read: the stack's settings and plan, the environment, and programs that they start. */
import { runQuery } from "../../deployer/process/child.ts";
import type { CommandResult } from "../../deployer/process/runner.ts";
import type { Plan } from "../../inventory/plan.ts";
import type { AccountLimits } from "../../providers/doctor.ts";
import type { Settings } from "../../settings/settings.ts";
import type { StackName } from "../stack/name.ts";
import type { StackResource } from "./stack-resources.ts";

export interface DoctorContext {
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
  readonly stack: StackName;
  readonly settings: Settings;
  readonly plan: Plan;
  /** A key of the stack's file that belongs to a vendor, such as `hcloud:endpoint`. */
  readonly vendorConfig: (key: string) => string | undefined;
  /** The stack's resources as of the last run; none when it never ran. */
  readonly resources: () => Promise<readonly StackResource[]>;
  /** Address of the DNS server to ask; undefined: this computer's. */
  readonly resolver: string | undefined;
  readonly limits: AccountLimits;
}

/** The repository's own flake: its hosts have the keys that the inventory lists. */
export const hasOwnFlake = ({ settings }: DoctorContext): boolean =>
  ["path:./nix", "./nix"].includes(settings.flake);

/** Seconds in which a program has to answer; the time limit of its check is what usually ends it. */
const PROGRAM_SECONDS = 60;
const MAX_OUTPUT_BYTES = 2 ** 24;

/** Runs a program. Secrets are passed in `env` only. */
export const runProgram = (
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<CommandResult> =>
  runQuery({
    argv,
    env,
    ownGroup: true,
    timeoutSeconds: PROGRAM_SECONDS,
    maxOutputBytes: MAX_OUTPUT_BYTES,
    takesLine: () => false,
  });
