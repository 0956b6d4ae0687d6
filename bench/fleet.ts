/** The fleet that is measured: adopted machines and nothing else, in a sandbox of its own. */
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { cgroupProcesses, sandboxCgroups } from "../sandbox/machines/cgroups.ts";
import { type Finished, inLogin, must, type Options, processorOf, run, spent } from "./run.ts";

export interface Filler {
  readonly paths: number;
  readonly bytes: number;
  /** Another one makes other paths, which no host has. */
  readonly seed: string;
}

export interface Host {
  readonly name: string;
  readonly address: string;
}

/** Hosts h001, h002, … at 203.0.113.1, .2, …: at most 250. */
export function hostsOf(count: number): readonly Host[] {
  return Array.from({ length: count }, (_, at) => ({
    name: `h${String(at + 1).padStart(3, "0")}`,
    address: `203.0.113.${at + 1}`,
  }));
}

export interface FleetText {
  readonly hosts: readonly Host[];
  readonly filler?: Filler;
  /** Appended as it is. */
  readonly more?: string;
}

/** The inventory. Root may log in: deploy-rs and the raw commands need no sudo then. */
export function fleetText({ hosts, filler, more = "" }: FleetText): string {
  const padding =
    filler === undefined
      ? ""
      : `, filler = { paths = ${filler.paths}, bytes = ${filler.bytes}, seed = "${filler.seed}" }`;
  const head = [
    "schema = 1",
    "[fleet]",
    'description = "Hosts that are measured"',
    'domain = "example.test"',
    'vault = "sandbox"',
    "[environments.sandbox]",
    "owns_singletons = true",
    "disposable = true",
    "[deploy]",
    'sources = ["198.51.100.1/32"]',
    'address = "public"',
    "health_seconds = 5",
  ];
  const tables = hosts.flatMap(({ name, address }) => [
    `[hosts.${name}]`,
    'environment = "sandbox"',
    'profiles = ["server"]',
    'tags = ["server"]',
    `provider = { kind = "existing", vendor = "home", address = "${address}" }`,
    `extra = { root_login = "prohibit-password"${padding} }`,
  ]);
  return `${[...head, ...tables].join("\n")}\n${more}`;
}

const NAME = "bench";
const UP_SECONDS = 1200;
/** Processor seconds in one second of a machine that does nothing in particular. */
const REST = 0.15;

export class BenchFleet {
  readonly root: string;
  readonly directory: string;
  readonly env: NodeJS.ProcessEnv;
  #hosts: readonly Host[] = [];

  constructor(root: string) {
    this.root = root;
    this.directory = path.join(root, `.sandbox-${NAME}`);
    const flake = path.join(this.directory, "nix");
    this.env = {
      ...process.env,
      PANTHEROS_SANDBOX_DIR: this.directory,
      PANTHEROS_SANDBOX_NAME: NAME,
      PANTHEROS_FLEET: path.join(flake, "fleet.toml"),
      PANTHEROS_FLAKE: `path:${flake}`,
      NIX_CONFIG:
        "experimental-features = nix-command flakes\nsandbox = false\nsubstituters =\nwarn-dirty = false",
      NO_COLOR: "1",
    };
  }

  get hosts(): readonly Host[] {
    return this.#hosts;
  }

  get flake(): string {
    return path.join(this.directory, "nix");
  }

  file(...parts: readonly string[]): string {
    return path.join(this.directory, ...parts);
  }

  /** From nothing, whatever an interrupted run left. */
  async begin(): Promise<void> {
    await this.end();
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    cpSync(path.join(this.root, "sandbox/nix"), this.flake, { recursive: true });
  }

  /** As many machines, adopted and confirmed; those that are there stay. */
  async grow(count: number): Promise<void> {
    this.#hosts = hostsOf(count);
    this.write();
    await must(this.#cli("up", "--no-deploy", "--no-vendors"), { env: this.env, limit: UP_SECONDS });
    // Adopting a machine is its first deploy; the run after it must find nothing to do.
    await this.up();
  }

  write(filler?: Filler, more?: string): void {
    const text = fleetText({
      hosts: this.#hosts,
      ...(filler !== undefined && { filler }),
      ...(more !== undefined && { more }),
    });
    writeFileSync(path.join(this.flake, "fleet.toml"), text);
  }

  /** Removes every process, mount, namespace and file of it. */
  async end(): Promise<void> {
    if (!existsSync(this.directory)) return;
    await must(this.#cli("down", "--force"), { env: this.env });
    rmSync(this.directory, { recursive: true, force: true });
  }

  #cli(...args: readonly string[]): readonly string[] {
    return [process.execPath, path.join(this.root, "sandbox/cli/main.ts"), ...args];
  }

  pulumi(args: readonly string[], options: Options = {}): Promise<Finished> {
    return must([path.join(this.root, "tools/pulumi"), ...args, "--color", "never", "--stack", "sandbox"], {
      env: this.env,
      cwd: this.root,
      ...options,
    });
  }

  up(): Promise<Finished> {
    return this.pulumi(["up", "--yes", "--skip-preview", "--suppress-outputs"]);
  }

  preview(options: Options = {}): Promise<Finished> {
    return this.pulumi(["preview"], options);
  }

  /** A program in the network that deploys come from. */
  inDriver(argv: readonly string[], options: Options = {}): Promise<Finished> {
    return must(["ip", "netns", "exec", `pantheros-${NAME}`, ...argv], { env: this.env, ...options });
  }

  /** As root on a machine, past its sshd. */
  inside(host: string, command: string): Promise<Finished> {
    return run(this.#cli("shell", host, "sh", "-c", command), { env: this.env });
  }

  /** The systems of all hosts as the inventory stands now, built. In the order of the hosts. */
  async build(): Promise<readonly string[]> {
    const attributes = this.#hosts.map(
      ({ name }) => `path:${this.flake}#nixosConfigurations.${name}.config.system.build.toplevel`,
    );
    const overrides = ["--override-input", "site", `path:${this.file("site")}`];
    const { stdout } = await must(
      [
        ...["nix", "build", "--no-link", "--print-out-paths", "--no-write-lock-file", ...overrides],
        ...["--override-input", "pantheros", `path:${path.join(this.root, "nix")}`, ...attributes],
      ],
      { env: this.env },
    );
    return stdout.trim().split("\n");
  }

  /**
   * Waits, a minute at most, until the machine is at rest and nobody is logged in on a host. What a deploy leaves behind is its own:
   * a login of root's has a service manager, which ends 10 s after the last one and would cost the next deploy that processor time,
   * or spare it the start of another.
   */
  async rest(): Promise<void> {
    for (let second = 0; second < 60; second += 1) {
      const before = spent();
      await setTimeout(1000);
      if (spent() - before < REST && !this.#processes().some(inLogin)) return;
    }
  }

  #processes(): readonly number[] {
    const [first] = sandboxCgroups(NAME);
    return first === undefined ? [] : cgroupProcesses(first);
  }

  /** Processor seconds that the machines have spent so far. */
  processor(): number {
    return this.#processes().reduce((sum, pid) => sum + processorOf(pid), 0);
  }
}
