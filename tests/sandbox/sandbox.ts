import { execFileSync, type SpawnOptions, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { StackOutputs } from "../../outputs/contract.ts";
import { sandboxContext } from "../../sandbox/machines/context.ts";
import { Machines } from "../../sandbox/machines/machines.ts";
import { type FaultRuleInput, faultFiles, readRequests } from "../../sandbox/vendors/faults.ts";

export interface Finished {
  readonly code: number;
  /** stdout and stderr in the order of their arrival. */
  readonly output: string;
}

interface PreviewStep {
  readonly op: string;
  readonly urn: string;
  /** Properties that differ. */
  readonly diffReasons?: readonly string[];
}

/** For an assertion's message: Pulumi's errors and the end of the output, without the fleet's outputs. */
export function excerpt(output: string): string {
  const wrong = /^Diagnostics:\n[\s\S]*?^(?=Outputs:)/m.exec(output)?.[0] ?? "";
  return `${wrong.slice(0, 6000)}${output.slice(-3000)}`;
}

/** Throws with the output's excerpt unless the run succeeded. */
export function expectSuccess({ code, output }: Finished): void {
  if (code !== 0) throw new Error(`exit code ${code}:\n${excerpt(output)}`);
}

/** Runs a program, at most `seconds`; `input` is its standard input. */
export function finish(
  argv: readonly string[],
  seconds: number,
  options: SpawnOptions = {},
  input = "",
): Promise<Finished> {
  const [program = "", ...args] = argv;
  return new Promise((done, fail) => {
    const child = spawn(program, args, { ...options, stdio: "pipe" });
    let output = "";
    child.stdout?.on("data", (chunk) => {
      output += String(chunk);
    });
    child.stderr?.on("data", (chunk) => {
      output += String(chunk);
    });
    // The program may end before its input is written.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input);
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      // Its children may keep the streams open.
      child.stdout?.destroy();
      child.stderr?.destroy();
    }, seconds * 1000);
    child.on("error", fail);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      done({
        code: code ?? -1,
        output: signal ? `${output}\n(ended by ${signal}, bound ${seconds} s)` : output,
      });
    });
  });
}

const lines = (program: string, ...args: string[]) =>
  execFileSync(program, args, { encoding: "utf8" }).split("\n").filter(Boolean);

/**
 * A test's own sandbox beside the developer's: directory, namespaces, and a copy of the fleet that the
 * test edits.
 */
export class Sandbox {
  readonly name: string;
  readonly directory: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly #flake: string;
  readonly #machines: Machines;

  constructor(name: string) {
    this.name = name;
    this.directory = resolve(`.sandbox-${name}`);
    this.#flake = join(this.directory, "nix");
    this.#machines = new Machines(sandboxContext(this.directory, name, process.cwd()));
    this.environment = {
      ...process.env,
      PANTHEROS_SANDBOX_DIR: this.directory,
      PANTHEROS_SANDBOX_NAME: name,
      PANTHEROS_FLEET: join(this.#flake, "fleet.toml"),
      PANTHEROS_FLAKE: `path:${this.#flake}`,
      NO_COLOR: "1",
    };
  }

  file(...path: string[]): string {
    return join(this.directory, ...path);
  }

  run(argv: readonly string[], seconds: number, input = ""): Promise<Finished> {
    return finish(argv, seconds, { env: this.environment }, input);
  }

  /** `tools/pantheros sandbox up`, `down`, … */
  cli(...args: string[]): Promise<Finished> {
    return this.run(["tools/pantheros", "sandbox", ...args], 900);
  }

  pulumi(...args: string[]): Promise<Finished> {
    return this.run(["tools/pulumi", ...args, "--stack", "sandbox"], 600);
  }

  /** Runs `pulumi up` as a user does. */
  up(): Promise<Finished> {
    return this.pulumi("up", "--yes", "--skip-preview", "--color", "never");
  }

  /** Removes what an earlier run left, and copies the repository's fleet. */
  async reset(): Promise<void> {
    if (existsSync(this.directory)) await this.cli("down");
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    cpSync("sandbox/nix", this.#flake, { recursive: true });
  }

  /** Edits the copy of the fleet; the text must change. */
  editFleet(edit: (text: string) => string): void {
    const file = join(this.#flake, "fleet.toml");
    const before = readFileSync(file, "utf8");
    const after = edit(before);
    if (after === before) throw new Error("the edit changed nothing");
    writeFileSync(file, after);
  }

  /** The host's `build_key` line for the inventory. */
  async buildKey(host: string): Promise<string> {
    const key = `PANTHEROS_SIGNING_KEY=${this.file("keys", "signing-key")}`;
    const { code, output } = await this.run(["env", key, "tools/build-key", host], 60);
    if (code !== 0) throw new Error(output);
    return output;
  }

  async outputs(): Promise<StackOutputs> {
    const { code, output } = await this.pulumi("stack", "output", "--json");
    if (code !== 0) throw new Error(output);
    return JSON.parse(output.slice(output.indexOf("{"))) as StackOutputs;
  }

  /** Steps of a preview that change something. */
  async changes(): Promise<PreviewStep[]> {
    const { code, output } = await this.pulumi("preview", "--json");
    if (code !== 0) throw new Error(output);
    const { steps } = JSON.parse(output.slice(output.indexOf("{"))) as { steps: PreviewStep[] };
    return steps
      .filter((step) => !["same", "read", "refresh"].includes(step.op))
      .map(({ op, urn, diffReasons = [] }) => ({ op, urn, diffReasons }));
  }

  /** Runs `act` under the vendors' fault rules; returns the requests that were hit, as `METHOD path`. */
  async whileVendorsFail(rules: readonly FaultRuleInput[], act: () => Promise<void>): Promise<string[]> {
    const files = faultFiles(this.directory);
    rmSync(files.requests, { force: true });
    writeFileSync(files.rules, JSON.stringify(rules));
    try {
      await act();
    } finally {
      rmSync(files.rules);
    }
    return readRequests(files.requests).flatMap((line) =>
      "hit" in line ? [`${line.method} ${line.path}`] : [],
    );
  }

  /** Runs a command in the sandbox's driver namespace. */
  inDriver(...argv: string[]): Promise<Finished> {
    return this.run(["ip", "netns", "exec", `pantheros-${this.name}`, ...argv], 120);
  }

  /** Runs a shell command as root on a machine, without its sshd. */
  async onMachine(machine: string, command: string, input = ""): Promise<Finished> {
    // As `sandbox shell`, without a process of the CLI: tests run this often.
    let argv: readonly string[];
    try {
      argv = this.#machines.shellCommand(machine, ["sh", "-c", command]);
    } catch (error) {
      return { code: -1, output: String(error) };
    }
    return this.run(argv, 120, input);
  }

  async running(machine: string): Promise<string> {
    const { output } = await this.onMachine(machine, "readlink /run/current-system");
    return output.trim().split("\n").at(-1) ?? "";
  }

  /** Remains of the sandbox on this computer; empty after `down`. Other sandboxes may run in parallel. */
  leftovers(): string[] {
    const namespace = `pantheros-${this.name}`;
    const own = new RegExp(`${namespace}(?![a-z0-9-])|${this.directory}(?![a-z0-9-])`);
    return [
      ...lines("ip", "netns", "list").filter((line) => own.test(line)),
      ...lines("mount").filter((line) => own.test(line)),
      ...lines("ip", "-o", "link").filter((line) => own.test(line)),
      ...lines("find", "/sys/fs/cgroup", "-maxdepth", "4", "-type", "d", "-name", namespace),
      ...lines("ps", "-eo", "args").filter((line) => own.test(line)),
      ...(existsSync(`/etc/netns/${namespace}`) ? [`/etc/netns/${namespace}`] : []),
    ];
  }
}

/** The hosts among `names` that the resources belong to, by the resources' names. */
export const hostsOf = (
  resources: readonly { urn: string }[],
  names: readonly string[] = ["web", "db", "legacy"],
): Set<string> =>
  new Set(
    resources.flatMap(({ urn }) => {
      const words = urn.split("::").at(-1)?.split(/[-.]/) ?? [];
      return names.filter((host) => words.includes(host));
    }),
  );
