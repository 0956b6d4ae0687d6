/** The measured fleet: adopted machines only, in its own sandbox. */
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { cgroupProcesses, sandboxCgroups } from "../sandbox/machines/cgroups.ts";
import { fastLinkCommands, slowLinkCommands } from "./links.ts";
import { type Finished, inLogin, must, type Options, processorOf, processorSeconds, run } from "./run.ts";

export interface Filler {
  readonly paths: number;
  readonly bytes: number;
  /** A new seed makes new paths, which no host has. */
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
  /** Each activation waits 3 s, as a real host waits for its units. */
  readonly slow?: boolean;
  /** Text to append. */
  readonly more?: string;
}

/** The inventory. Root may log in, so that deploy-rs and the raw commands need no sudo. */
export function fleetText({ hosts, filler, slow = false, more = "" }: FleetText): string {
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
    `extra = { root_login = "prohibit-password"${slow ? ', activation = "slow"' : ""}${padding} }`,
  ]);
  return `${[...head, ...tables].join("\n")}\n${more}`;
}

const NAME = "bench";
const UP_SECONDS = 1200;
/** Processor seconds that an idle computer uses in one second. */
const IDLE = 0.15;

export class BenchFleet {
  readonly root: string;
  readonly directory: string;
  readonly env: NodeJS.ProcessEnv;
  #hosts: readonly Host[] = [];
  #slow = false;

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

  /** Starts from nothing: removes what an interrupted run left. */
  async begin(): Promise<void> {
    await this.end();
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    cpSync(path.join(this.root, "sandbox/nix"), this.flake, { recursive: true });
  }

  /** Grows the fleet to `count` machines, adopted and confirmed. */
  async grow(count: number): Promise<void> {
    this.#hosts = hostsOf(count);
    this.write();
    await must(this.#cli("up", "--no-deploy", "--no-vendors"), { env: this.env, limit: UP_SECONDS });
    // Adopting a machine is its first deploy; the next run must find no change.
    await this.up();
  }

  write(filler?: Filler, more?: string): void {
    const text = fleetText({
      hosts: this.#hosts,
      slow: this.#slow,
      ...(filler !== undefined && { filler }),
      ...(more !== undefined && { more }),
    });
    writeFileSync(path.join(this.flake, "fleet.toml"), text);
  }

  /**
   * Limits each host's link to 100 Mbit/s in both directions; an activation waits 3 s from the next
   * deploy on. `useFastHosts` undoes both.
   */
  async useSlowHosts(): Promise<void> {
    for (const argv of this.#hosts.flatMap(({ name }) => slowLinkCommands(NAME, name))) await must(argv);
    this.#slow = true;
    this.write();
  }

  async useFastHosts(): Promise<void> {
    for (const argv of this.#hosts.flatMap(({ name }) => fastLinkCommands(NAME, name))) await must(argv);
    this.#slow = false;
    this.write();
  }

  /** Removes the fleet's processes, mounts, namespaces and files. */
  async end(): Promise<void> {
    if (!existsSync(this.directory)) return;
    await must(this.#cli("down", "--force"), { env: this.env });
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Runs `pantheros status`, which asks every host. */
  status(): Promise<Finished> {
    return must([path.join(this.root, "tools/pantheros"), "status"], { env: this.env, cwd: this.root });
  }

  #cli(...args: readonly string[]): readonly string[] {
    return [path.join(this.root, "tools/pantheros"), "sandbox", ...args];
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

  /** Runs a program in the network from which deploys connect. */
  inDriver(argv: readonly string[], options: Options = {}): Promise<Finished> {
    return must(["ip", "netns", "exec", `pantheros-${NAME}`, ...argv], { env: this.env, ...options });
  }

  /** Runs a shell command as root on a machine, without its sshd. */
  onMachine(host: string, command: string): Promise<Finished> {
    return run(this.#cli("shell", host, "sh", "-c", command), { env: this.env });
  }

  /** Builds the systems of all hosts from the current inventory; store paths in the order of the hosts. */
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
   * Waits, at most a minute, until the computer is idle and no host has a login session. Root's service manager on a
   * host ends 10 s after the last login; within that time the next deploy would pay for its end or save its start.
   */
  async waitIdle(): Promise<void> {
    for (let second = 0; second < 60; second += 1) {
      const before = processorSeconds();
      await setTimeout(1000);
      if (processorSeconds() - before < IDLE && !this.#processes().some(inLogin)) return;
    }
  }

  #processes(): readonly number[] {
    const [first] = sandboxCgroups(NAME);
    return first === undefined ? [] : cgroupProcesses(first);
  }

  /** Processor seconds of the machines so far. */
  processor(): number {
    return this.#processes().reduce((sum, pid) => sum + processorOf(pid), 0);
  }
}
