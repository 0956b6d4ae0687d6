/** The commands of the Pulumi CLI that a rollback uses. Runs inside tools/pulumi, with its environment. */
import { spawnSync } from "node:child_process";
import { runProcess } from "../../deployer/process/runner.ts";
import { type StackOutputs, stackOutputs } from "../../outputs/contract.ts";
import { type Settings, settingsFrom } from "../../settings/settings.ts";
import type { Arguments } from "./arguments.ts";
import type { Pins } from "./decide.ts";

const QUERY_SECONDS = 120;
const UP_SECONDS = 4 * 3600;
const MAX_OUTPUT_BYTES = 2 ** 28;

/** Key of a pin for `pulumi config --path`. */
const pinKey = (host: string): string => `pantheros:pins["${host}"]`;

export const setPinsArgv = (pins: Pins): string[] => [
  ...["config", "set-all", "--path"],
  ...Object.entries(pins).flatMap(([host, path]) => ["--plaintext", `${pinKey(host)}=${path}`]),
];
export const removePinsArgv = (hosts: readonly string[]): string[] => [
  ...["config", "rm-all", "--path"],
  ...hosts.map(pinKey),
];

export class Stack {
  readonly #stack: string[];
  readonly #config: string[];
  readonly name: string;

  constructor({ stack, configFile }: Pick<Arguments, "stack" | "configFile">) {
    this.name = stack;
    this.#stack = ["--stack", stack];
    this.#config = configFile === undefined ? [] : ["--config-file", configFile];
  }

  async #query(argv: readonly string[]): Promise<string> {
    const { exitCode, timedOut, stdout, stderr } = await runProcess({
      argv: ["pulumi", ...argv, ...this.#stack, "--non-interactive", "--color", "never"],
      timeoutSeconds: QUERY_SECONDS,
      maxOutputBytes: MAX_OUTPUT_BYTES,
      ownGroup: false,
    });
    if (exitCode === 0) return stdout;
    const ending = timedOut ? `not finished after ${QUERY_SECONDS} s` : `exit code ${exitCode}`;
    throw new Error(`pulumi ${argv.slice(0, 2).join(" ")}: ${`${stdout}${stderr}`.trim() || ending}`);
  }

  async settings(): Promise<Settings> {
    const values = JSON.parse(await this.#query(["config", "--json", ...this.#config])) as Record<
      string,
      { value?: string; objectValue?: unknown }
    >;
    return settingsFrom({
      stack: this.name.split("/").at(-1) ?? this.name,
      get: (key) => values[`pantheros:${key}`]?.objectValue ?? values[`pantheros:${key}`]?.value,
      env: (name) => process.env[name],
    });
  }

  async outputs(): Promise<StackOutputs | undefined> {
    const parsed = stackOutputs.safeParse(JSON.parse(await this.#query(["stack", "output", "--json"])));
    return parsed.success ? parsed.data : undefined;
  }

  async pin(pins: Pins): Promise<void> {
    await this.#query([...setPinsArgv(pins), ...this.#config]);
  }

  async release(hosts: readonly string[]): Promise<void> {
    await this.#query([...removePinsArgv(hosts), ...this.#config]);
  }

  /** Runs `pulumi up` for the whole stack with this terminal, which `runProcess` does not pass on; its exit code. */
  up(message: string): number {
    const argv = ["up", "--yes", "--skip-preview", "--suppress-outputs", "--message", message];
    const { status } = spawnSync("pulumi", [...argv, ...this.#stack, ...this.#config], {
      stdio: "inherit",
      timeout: UP_SECONDS * 1000,
    });
    return status ?? 1;
  }
}
