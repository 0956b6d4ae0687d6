/** What the checks read: the stack's settings and plan, the environment, and programs that they start. */
import { runQuery } from "../../deployer/process/child.ts";
import type { CommandResult } from "../../deployer/process/runner.ts";
import type { Plan } from "../../inventory/plan.ts";
import type { Settings } from "../../settings/settings.ts";
import type { StackName } from "../stack/name.ts";
import { CannotCheck, type Problem } from "./check.ts";
import type { StackResource } from "./stack-resources.ts";

/** Of what a user gives `doctor`, because no vendor tells it. */
export interface DoctorLimits {
  /** Servers that the account may have. */
  readonly servers?: number | undefined;
  /** Primary IP addresses that the account may have. */
  readonly addresses?: number | undefined;
}

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
  readonly limits: DoctorLimits;
}

/** The repository's own flake: its hosts have the keys that the inventory lists. */
export const hasOwnFlake = ({ settings }: DoctorContext): boolean =>
  ["path:./nix", "./nix"].includes(settings.flake);

/** The value of a variable. @throws CannotCheck when it is not set */
export function required(env: NodeJS.ProcessEnv, name: string): string {
  const value = env[name];
  if (value) return value;
  throw new CannotCheck(`${name} is not set`);
}

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

/** A finding for variables that are not set. */
export function missingProblems(
  env: NodeJS.ProcessEnv,
  names: readonly string[],
  why: string,
  fix: string,
): Problem[] {
  const missing = names.filter((name) => !env[name]);
  if (missing.length === 0) return [];
  const verb = missing.length === 1 ? "is" : "are";
  return [
    {
      what: `${missing.join(" and ")} ${verb} not set`,
      why,
      fix: `${fix}; run the command with op run --env-file`,
    },
  ];
}
