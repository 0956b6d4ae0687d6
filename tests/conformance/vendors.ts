import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";

/** The emulated vendors as a separate program, on free loopback ports. */
export class Vendors {
  readonly dir = mkdtempSync(join(tmpdir(), "vendors-"));
  readonly ports: Readonly<Record<string, number>>;
  readonly #only: string;
  #child: ChildProcess | undefined;
  output = "";

  private constructor(only: string, ports: Record<string, number>) {
    this.#only = only;
    this.ports = ports;
  }

  /** @param only comma-separated vendors, as for `--only` */
  static async start(only: string): Promise<Vendors> {
    const names = [
      "hetzner",
      "cloudflare",
      "tailscale",
      "onepassword",
      "s3",
      "moto",
      "nix-cache",
      "dns",
      "dns-api",
    ];
    const ports = Object.fromEntries(
      await Promise.all(names.map(async (name) => [name, await freePort()] as const)),
    );
    const vendors = new Vendors(only, ports);
    await vendors.launch();
    return vendors;
  }

  /** Starts the program (again) and waits until it prints `ready`. */
  async launch(): Promise<void> {
    this.output = "";
    const flags = Object.entries(this.ports).flatMap(([name, port]) => [`--${name}-port`, String(port)]);
    const child = spawn(
      process.execPath,
      [...command, "--dir", this.dir, "--only", this.#only, "--venv", venv, ...flags],
      {
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      const read = (chunk: Buffer) => {
        this.output += chunk.toString();
        if (/^ready$/m.test(this.output)) resolve();
      };
      child.stdout?.on("data", read);
      child.stderr?.on("data", read);
      child.once("exit", (code) => reject(new Error(`vendors ended with ${code}: ${this.output}`)));
    });
  }

  /** Ends the program with a signal and waits for its exit. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null) return child?.exitCode ?? null;
    const gone = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
    child.kill(signal);
    return gone;
  }

  async stop(): Promise<void> {
    await this.end("SIGTERM");
    rmSync(this.dir, { recursive: true, force: true });
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  url(vendor: string): string {
    return `http://127.0.0.1:${this.ports[vendor]}`;
  }

  secret(name: string): string {
    const line = readFileSync(join(this.dir, "secrets.env"), "utf8")
      .split("\n")
      .find((each) => each.startsWith(`${name}=`));
    if (line === undefined) throw new Error(`no ${name} in secrets.env`);
    return line.slice(name.length + 1);
  }
}

const command = ["sandbox/vendors/main.ts", "serve", "--listen", "127.0.0.1", "--compute", "memory"];

/** Python environment with moto and the hcloud client, made by `make setup`. */
export const venv = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "pantheros", "venv");

export const python = join(venv, "bin", "python");

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

export interface Run {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end. */
export function run(argv: string[], options: { env?: NodeJS.ProcessEnv; input?: string } = {}): Promise<Run> {
  return new Promise((resolve, reject) => {
    const [program = "", ...args] = argv;
    const child = spawn(program, args, { env: { ...process.env, ...options.env } });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? -1, stdout, stderr }));
    child.stdin.end(options.input ?? "");
  });
}
