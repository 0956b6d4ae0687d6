/**
 * A world: an account at every vendor, records of machines, and a stack, which can be saved and
 * restored within a second.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { loadInventory } from "../../inventory/load.ts";
import { type Plan, planFor } from "../../inventory/plan.ts";
import { knownHostsText } from "../../sandbox/cli/adopted.ts";
import { ensureKeyPair } from "../../sandbox/cli/files.ts";
import { layoutOf } from "../../sandbox/cli/layout.ts";
import { ensureVault } from "../../sandbox/cli/vault.ts";
import {
  type FaultRuleInput,
  faultFiles,
  type RequestLine,
  readRequests,
} from "../../sandbox/vendors/faults.ts";
import { ensureSecrets } from "../../sandbox/vendors/secrets.ts";
import { venv } from "../conformance/vendors.ts";
import { fleetText } from "./fleet.ts";
import { recordsOf, writeRecord } from "./record/compute.ts";

const REPOSITORY = process.cwd();
const STACK = "faults";
/** Timeout of one run of the CLI. */
const RUN_SECONDS = 300;
const PORTS = ["hetzner", "cloudflare", "tailscale", "s3", "moto", "nix-cache", "dns", "dns-api"] as const;
type Ports = Readonly<Record<(typeof PORTS)[number], number>>;

/** A saved world, in a directory. */
export interface Snapshot {
  readonly directory: string;
  readonly ports: Ports;
}

export interface Finished {
  readonly code: number;
  readonly output: string;
}

export interface Interrupt {
  readonly signal: "SIGINT" | "SIGKILL";
}

/** Where and how a command is started. */
export interface Place {
  /** The repository itself when left out. */
  readonly checkout?: string;
  /** Shell text that ends with `exec "$@"`. */
  readonly shell?: string;
}

/** Content of a snapshot: everything that a run changes. */
const CHANGING = ["pulumi", "vendors", "records", "vault.json", "known_hosts"];

/** PATH of tools/with, with the emulated programs first. */
function searchPath(): string {
  const found = spawnSync("tools/with", ["sh", "-c", 'printf %s "$PATH"'], { encoding: "utf8" });
  if (found.status !== 0) throw new Error(found.stderr);
  const own = [join(REPOSITORY, "tests/faults/record/bin"), join(REPOSITORY, "sandbox/vendors/onepassword")];
  return [...own, found.stdout].join(":");
}

export class World {
  readonly directory: string;
  readonly #ports: Ports;
  readonly #environment: string;
  #vendors: ChildProcess | undefined;
  readonly env: NodeJS.ProcessEnv;

  private constructor(directory: string, ports: Ports, environment: string) {
    this.directory = directory;
    this.#ports = ports;
    this.#environment = environment;
    const secrets = ensureSecrets(directory);
    const { TAILSCALE_OAUTH_CLIENT_ID: _id, TAILSCALE_OAUTH_CLIENT_SECRET: _secret, ...tokens } = secrets;
    this.env = {
      PATH: searchPath(),
      HOME: process.env["HOME"],
      ...(process.env["XDG_CACHE_HOME"] && { XDG_CACHE_HOME: process.env["XDG_CACHE_HOME"] }),
      TMPDIR: this.file("tmp"),
      ...tokens,
      PANTHEROS_PULUMI: "registry",
      PULUMI_BACKEND_URL: `file://${this.file("pulumi")}?metadata=skip`,
      PULUMI_STACK: STACK,
      TAILSCALE_TAILNET: "example.test",
      PANTHEROS_FLEET: this.file("fleet.toml"),
      PANTHEROS_SSH_KEY: this.file("keys/deploy"),
      PANTHEROS_SIGNING_KEY: this.file("keys/signing-key"),
      PANTHEROS_KNOWN_HOSTS: this.file("known_hosts"),
      PANTHEROS_VAULT: this.file("vault.json"),
      PANTHEROS_RECORDS: recordsOf(directory),
      PANTHEROS_TAILNET: `http://127.0.0.1:${ports.tailscale}`,
      // tests/unit/runs and the sandbox's tests record; here it would only take time.
      PANTHEROS_RECORD: "off",
      OP_CLI_PATH: join(REPOSITORY, "sandbox/vendors/onepassword/op"),
      NO_COLOR: "1",
      ...(process.env["PANTHEROS_PROVIDERS"] && { PANTHEROS_PROVIDERS: process.env["PANTHEROS_PROVIDERS"] }),
    };
  }

  /** Makes an empty account; `environment` of the inventory: docs/operations.md says what is disposable. */
  static async make(environment: string): Promise<World> {
    const directory = mkdtempSync(join(tmpdir(), "pantheros-step-"));
    const ports = Object.fromEntries(
      await Promise.all(PORTS.map(async (name) => [name, await ownPort()] as const)),
    ) as Ports;
    for (const folder of ["tmp", "keys", "pulumi", "vendors", "records", "project"])
      mkdirSync(join(directory, folder), { mode: 0o700 });
    const world = new World(directory, ports, environment);
    await ensureKeyPair(world.file("keys/deploy"), "deploy@faults");
    writeFileSync(world.file("keys/signing-key"), "faults-1:c2VjcmV0\n", { mode: 0o600 });
    writeFileSync(world.file("project/Pulumi.yaml"), "name: pantheros\nruntime: nodejs\n");
    const init = ["pulumi", "--cwd", world.file("project"), "stack", "init", STACK, "--no-select"];
    const made = await world.run(["tools/with", ...init]);
    if (made.code !== 0) throw new Error(made.output);
    world.#configure();
    return world;
  }

  file(path: string): string {
    return join(this.directory, path);
  }

  get motoPort(): number {
    return this.#ports.moto;
  }

  /** The vendors' own address: `127.0.0.1:PORT`. */
  addressOf(vendor: keyof Ports): string {
    return `127.0.0.1:${this.#ports[vendor]}`;
  }

  /** As in Pulumi.sandbox.yaml, on loopback. */
  #configure(): void {
    const at = (vendor: keyof Ports, path = "") => `http://127.0.0.1:${this.#ports[vendor]}${path}`;
    const salt = readFileSync(this.file(`project/Pulumi.${STACK}.yaml`), "utf8");
    const config = [
      "config:",
      `  pantheros:environment: ${this.#environment}`,
      "  pantheros:flake: path:./nowhere",
      `  pantheros:s3Endpoint: ${at("s3")}`,
      `  hcloud:endpoint: ${at("hetzner", "/v1")}`,
      "  hcloud:pollInterval: 20ms",
      `  cloudflare:baseUrl: ${at("cloudflare", "/client/v4")}`,
      `  tailscale:baseUrl: ${at("tailscale")}`,
      "",
    ];
    writeFileSync(this.file(`Pulumi.${STACK}.yaml`), `${salt.trimEnd()}\n${config.join("\n")}`);
  }

  /** Stores the secrets that the inventory names. */
  fillVault(): Plan {
    const plan = planFor(loadInventory(this.file("fleet.toml")), this.#environment);
    ensureVault(layoutOf(this.directory), plan, this.env["OP_SERVICE_ACCOUNT_TOKEN"] ?? "");
    return plan;
  }

  /** Writes the inventory and what its owner provides: pins of adopted machines, and secrets in the vault. */
  async write(fleet: string): Promise<void> {
    writeFileSync(this.file("fleet.toml"), fleetText(fleet, this.#environment));
    const plan = this.fillVault();
    const existing = plan.hosts.flatMap((host) =>
      host.provider.kind === "existing" ? [{ ...host, provider: host.provider }] : [],
    );
    const pinned: [(typeof existing)[number], string][] = [];
    for (const host of existing) {
      const address = host.provider.address ?? "";
      // One key per address, whatever the host's name.
      const key = await ensureKeyPair(this.file(`keys/${address}`), "");
      pinned.push([host, key]);
      if (existsSync(join(recordsOf(this.directory), address))) continue;
      const shown = key.split(" ").slice(0, 2).join(" ");
      writeRecord(recordsOf(this.directory), address, { addresses: [address], key: shown, managed: true });
    }
    writeFileSync(this.file("known_hosts"), knownHostsText(pinned));
  }

  /** @param more further vendors, such as `dns` */
  async startVendors(...more: readonly string[]): Promise<void> {
    const ports = Object.entries(this.#ports).flatMap(([name, port]) => [`--${name}-port`, String(port)]);
    const argv = [
      ...["sandbox/vendors/main.ts", "serve", "--dir", this.directory, "--listen", "127.0.0.1"],
      ...[
        "--only",
        ["hetzner", "cloudflare", "tailscale", "s3", ...more].join(","),
        "--venv",
        venv,
        ...ports,
      ],
      ...["--compute", "machines", "--compute-module", resolve("tests/faults/record/compute.ts")],
    ];
    const child = spawn(process.execPath, argv, {
      env: { ...this.env, PATH: process.env["PATH"] },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#vendors = child;
    let output = "";
    await new Promise<void>((ready, fail) => {
      const onData = (chunk: Buffer) => {
        output += chunk.toString();
        if (/^ready$/m.test(output)) ready();
      };
      child.stdout?.on("data", onData);
      child.stderr?.on("data", onData);
      child.once("exit", (code) => fail(new Error(`vendors ended with ${code}: ${output}`)));
    });
  }

  async stopVendors(): Promise<void> {
    const child = this.#vendors;
    this.#vendors = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const gone = new Promise((done) => child.once("exit", done));
    child.kill("SIGTERM");
    await gone;
  }

  /** Saves the current state; stops the vendors meanwhile. */
  async snapshot(into: string): Promise<Snapshot> {
    await this.stopVendors();
    for (const name of CHANGING) cpSync(this.file(name), join(into, name), { recursive: true });
    cpSync(this.file("keys"), join(into, "keys"), { recursive: true });
    for (const file of ["project", "secrets.env", `Pulumi.${STACK}.yaml`])
      cpSync(this.file(file), join(into, file), { recursive: true });
    return { directory: into, ports: this.#ports };
  }

  /** Restores a snapshot, in this or another world of the same environment. */
  async restore({ directory, ports }: Snapshot): Promise<void> {
    await this.stopVendors();
    for (const name of [...CHANGING, "keys", "project", "secrets.env"]) {
      rmSync(this.file(name), { recursive: true, force: true });
      cpSync(join(directory, name), this.file(name), { recursive: true });
    }
    Object.assign(this.env, new World(this.directory, this.#ports, this.#environment).env);
    this.#configure();
    if (existsSync(this.#stackFile)) {
      let state = readFileSync(this.#stackFile, "utf8");
      for (const name of PORTS)
        state = state.replaceAll(`127.0.0.1:${ports[name]}`, `127.0.0.1:${this.#ports[name]}`);
      writeFileSync(this.#stackFile, state);
    }
    this.switchOff();
    await this.startVendors();
  }

  get #stackFile(): string {
    return this.file(`pulumi/.pulumi/stacks/pantheros/${STACK}.json`);
  }

  /** The state as the engine left it. */
  get deployment(): Deployment {
    const { checkpoint } = JSON.parse(readFileSync(this.#stackFile, "utf8")) as {
      checkpoint: { latest?: Deployment };
    };
    return checkpoint.latest ?? {};
  }

  switchOn(...rules: FaultRuleInput[]): void {
    rmSync(faultFiles(this.directory).requests, { force: true });
    writeFileSync(faultFiles(this.directory).rules, JSON.stringify(rules));
  }

  /** The requests since the faults were switched on, and which were hit. */
  switchOff(): RequestLine[] {
    const { rules, requests } = faultFiles(this.directory);
    const lines = readRequests(requests);
    for (const file of [rules, requests]) rmSync(file, { force: true });
    return lines;
  }

  /**
   * Runs a program; with an interrupt, sends the signal when a fault has hit, and switches the faults
   * off.
   */
  run(argv: readonly string[], interrupt?: Interrupt, checkout = REPOSITORY): Promise<Finished> {
    const [program = "", ...args] = argv;
    return new Promise((done, fail) => {
      const child = spawn(program, args, {
        cwd: checkout,
        env: this.env,
        detached: true,
        stdio: ["ignore", "pipe", "pipe"],
      });
      let output = "";
      const onData = (chunk: Buffer) => {
        output += chunk.toString();
      };
      child.stdout.on("data", onData);
      child.stderr.on("data", onData);
      const group = -(child.pid ?? 0);
      const stopped = { by: "" };
      const limit = setTimeout(() => {
        stopped.by = `\n(ended after ${RUN_SECONDS} s)`;
        signal(group, "SIGKILL");
      }, RUN_SECONDS * 1000);
      const watching = interrupt && this.#interruptWhenHit(interrupt, child.pid ?? 0);
      child.on("error", fail);
      // Plugins keep the streams open until they notice that the engine has ended.
      child.on("close", (code) => {
        clearTimeout(limit);
        watching?.();
        done({ code: code ?? -1, output: output + stopped.by });
      });
    });
  }

  #interruptWhenHit({ signal: name }: Interrupt, engine: number): () => void {
    const { rules, requests } = faultFiles(this.directory);
    const look = setInterval(() => {
      if (!readRequests(requests).some((line) => "hit" in line)) return;
      clearInterval(look);
      // A terminal's Ctrl-C reaches the whole process group; a kill reaches only the engine, and its
      // plugins notice.
      signal(name === "SIGINT" ? -engine : engine, name);
      setTimeout(() => rmSync(rules, { force: true }), name === "SIGINT" ? 300 : 1000);
    }, 20);
    return () => clearInterval(look);
  }

  /** Runs the Pulumi CLI as a user does. */
  pulumi(args: readonly string[], interrupt?: Interrupt, place: Place = {}): Promise<Finished> {
    const shell = place.shell === undefined ? [] : ["sh", "-c", place.shell, "sh"];
    return this.run([...shell, "tools/pulumi", ...args, ...this.#stackOptions], interrupt, place.checkout);
  }

  get #stackOptions(): string[] {
    return ["--stack", STACK, "--config-file", this.file(`Pulumi.${STACK}.yaml`)];
  }

  up(interrupt?: Interrupt): Promise<Finished> {
    return this.pulumi(["up", "--yes", "--skip-preview", "--suppress-outputs"], interrupt);
  }

  /** Whether a run was stopped during a change of an object; a sandbox's `up` then recovers by itself. */
  get isPending(): boolean {
    const unsure = ["creating", "updating", "deleting"];
    return (this.deployment.pending_operations ?? []).some(({ type }) => unsure.includes(type));
  }

  /** Recovers as a user does after a kill, and as a failed run advises. */
  recover(): Promise<Finished> {
    return this.run(["tools/pantheros", "recover", ...this.#stackOptions]);
  }

  async remove(): Promise<void> {
    await this.stopVendors();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Below the kernel's ephemeral ports: a world frees its ports and takes them again. */
const OWN_PORTS = { from: 12_000, count: 18_000 };

async function ownPort(): Promise<number> {
  for (;;) {
    const port = OWN_PORTS.from + Math.floor(Math.random() * OWN_PORTS.count);
    const server = createServer();
    const free = await new Promise<boolean>((known) => {
      server.once("error", () => known(false));
      server.listen(port, "127.0.0.1", () => server.close(() => known(true)));
    });
    if (free) return port;
  }
}

/** The part of a stack's file that tests read. */
export interface Deployment {
  readonly resources?: readonly {
    readonly urn: string;
    readonly type: string;
    readonly id?: string;
    readonly delete?: boolean;
  }[];
  readonly pending_operations?: readonly {
    readonly type: string;
    readonly resource: { readonly urn: string };
  }[];
}

function signal(target: number, name: NodeJS.Signals): void {
  try {
    process.kill(target, name);
  } catch {
    // it has ended already
  }
}
