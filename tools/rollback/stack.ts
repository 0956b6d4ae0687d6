/** The Pulumi CLI, as far as a rollback needs it. Runs inside tools/pulumi, with its environment. */
import { spawnSync } from "node:child_process";
import { type StackOutputs, stackOutputs } from "../../outputs/contract.ts";
import { type Settings, settingsFrom } from "../../settings/settings.ts";
import type { Arguments } from "./arguments.ts";
import type { Pins } from "./decide.ts";

const seconds = { question: 120, up: 4 * 3600 };

/** Key of a pin, as `pulumi config` takes it with --path. */
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

  #ask(argv: readonly string[]): string {
    const ran = spawnSync("pulumi", [...argv, ...this.#stack, "--non-interactive", "--color", "never"], {
      encoding: "utf8",
      timeout: seconds.question * 1000,
      maxBuffer: 256 * 1024 * 1024,
    });
    if (ran.status === 0) return ran.stdout;
    const said = `${ran.stdout ?? ""}${ran.stderr ?? ""}`.trim() || ran.error?.message || "ended by a signal";
    throw new Error(`pulumi ${argv.slice(0, 2).join(" ")}: ${said}`);
  }

  settings(): Settings {
    const values = JSON.parse(this.#ask(["config", "--json", ...this.#config])) as Record<
      string,
      { value?: string; objectValue?: unknown }
    >;
    return settingsFrom({
      stack: this.name.split("/").at(-1) ?? this.name,
      get: (key) => values[`pantheros:${key}`]?.objectValue ?? values[`pantheros:${key}`]?.value,
      env: (name) => process.env[name],
    });
  }

  outputs(): StackOutputs | undefined {
    const parsed = stackOutputs.safeParse(JSON.parse(this.#ask(["stack", "output", "--json"])));
    return parsed.success ? parsed.data : undefined;
  }

  pin(pins: Pins): void {
    this.#ask([...setPinsArgv(pins), ...this.#config]);
  }

  release(hosts: readonly string[]): void {
    this.#ask([...removePinsArgv(hosts), ...this.#config]);
  }

  /** `pulumi up` of the whole stack, on our terminal; its exit code. */
  up(message: string): number {
    const argv = ["up", "--yes", "--skip-preview", "--suppress-outputs", "--message", message];
    const ran = spawnSync("pulumi", [...argv, ...this.#stack, ...this.#config], {
      stdio: "inherit",
      timeout: seconds.up * 1000,
    });
    return ran.status ?? 1;
  }
}
