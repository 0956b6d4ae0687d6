/**
 * Writes and removes pins in the stack's file, and runs `pulumi up`. Needs the environment from
 * tools/pantheros.
 */
import { spawnSync } from "node:child_process";
import path from "node:path";
import { ROOT } from "../root.ts";
import type { StackName } from "../stack/name.ts";
import { pulumiQuery } from "../stack/pulumi.ts";
import type { Pins } from "./decide.ts";

const UP_SECONDS = 4 * 3600;

/** Key of a pin for `pulumi config --path`. */
const pinKey = (host: string): string => `pantheros:pins["${host}"]`;

/** Arguments of `pulumi` that write pins to the stack's file in one run: `config set-all`. */
export const setPinsArgv = (pins: Pins): string[] => [
  ...["config", "set-all", "--path"],
  ...Object.entries(pins).flatMap(([host, path]) => ["--plaintext", `${pinKey(host)}=${path}`]),
];

/** Arguments of `pulumi` that remove the pins of `hosts` from the stack's file in one run: `config rm-all`. */
export const removePinsArgv = (hosts: readonly string[]): string[] => [
  ...["config", "rm-all", "--path"],
  ...hosts.map(pinKey),
];

const target = ({ full, file, isOwnFile }: StackName): string[] => [
  ...["--stack", full],
  ...(isOwnFile ? ["--config-file", file] : []),
];

export async function setPins(stack: StackName, pins: Pins): Promise<void> {
  await pulumiQuery([...setPinsArgv(pins), ...target(stack)]);
}

export async function removePins(stack: StackName, hosts: readonly string[]): Promise<void> {
  await pulumiQuery([...removePinsArgv(hosts), ...target(stack)]);
}

/** Operations at once of the `up` after a rollback, as of `tools/pulumi up`. */
const PARALLEL = "32";

/** Arguments of `pulumi up`, without the stack. PANTHEROS_PARALLEL sets the number of operations at once. */
export const upArgv = (message: string, env: NodeJS.ProcessEnv): string[] => [
  ...["up", "--yes", "--skip-preview", "--suppress-outputs", "--message", message],
  ...["--parallel", env["PANTHEROS_PARALLEL"] || PARALLEL],
];

/**
 * Runs `pulumi up` on this terminal, which `runProcess` does not pass on, and returns its exit code.
 * @param on hosts that the run is for; undefined: the whole stack
 */
export function runUp(stack: StackName, message: string, on: readonly string[] | undefined): number {
  const { status } = spawnSync(
    path.join(ROOT, "tools/pulumi-recorded"),
    [...upArgv(message, process.env), ...target(stack)],
    {
      stdio: "inherit",
      timeout: UP_SECONDS * 1000,
      env: { ...process.env, ...(on !== undefined && { PANTHEROS_ON: on.join(",") }) },
    },
  );
  return status ?? 1;
}
