/** A stack in files, with three hosts, and programs that stand in for ssh and the Pulumi CLI. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { HostOutputs } from "../../../outputs/contract.ts";
import { oldSystem, status } from "../deployer/fixtures.ts";
import { Programs } from "../programs.ts";

const HOSTS = ["db", "legacy", "web"];

/** legacy does not answer; the others print a status. */
const ANSWERS = `case "$*" in *legacy*) echo 'ssh: connect to host 198.51.100.20 port 22: Connection refused' >&2; exit 255 ;; esac
echo '${JSON.stringify(status())}'`;

export class FleetOnDisk {
  readonly own: Programs;
  #variables: NodeJS.ProcessEnv = {};

  /** @param published outputs that differ from a confirmed host's, by name */
  constructor(name: string, published: Readonly<Record<string, Partial<HostOutputs>>> = {}) {
    this.own = new Programs(name);
    const hosts = Object.fromEntries(
      HOSTS.map((host, at) => [
        host,
        {
          addresses: { ipv4: `203.0.113.${at + 1}` },
          hostKey: "ssh-ed25519 AAAA",
          closure: oldSystem,
          generation: 7,
          health: [],
          outcome: "confirmed",
          ...published[host],
        },
      ]),
    );
    const outputs = { schemaVersion: 1, hosts, services: {}, dns: { records: [] }, buckets: {}, cache: {} };
    const stacks = path.join(this.own.directory, "backend/.pulumi/stacks/pantheros");
    mkdirSync(stacks, { recursive: true });
    const resources = [{ type: "pulumi:pulumi:Stack", outputs }];
    writeFileSync(
      path.join(stacks, "dev.json"),
      JSON.stringify({ version: 3, checkpoint: { latest: { resources } } }),
    );
    writeFileSync(
      path.join(this.own.directory, "Pulumi.dev.yaml"),
      "config:\n  pantheros:environment: sandbox\n",
    );
    this.ssh(ANSWERS);
    // A Pulumi CLI that is started is a fault.
    this.own.program("pulumi", "exit 1");
  }

  /** What ssh does, as a script. */
  ssh(script: string): void {
    this.own.program("ssh", script);
  }

  /** Adds variables to the command's environment. */
  variables(more: NodeJS.ProcessEnv): void {
    this.#variables = more;
  }

  /** Uses a changed copy of the sandbox's inventory. */
  withInventory(change: (text: string) => string): void {
    const file = path.join(this.own.directory, "fleet.toml");
    writeFileSync(file, change(readFileSync("sandbox/nix/fleet.toml", "utf8")));
    this.variables({ PANTHEROS_FLEET: file });
  }

  environment(): NodeJS.ProcessEnv {
    const env = this.own.environment({
      HOME: this.own.directory,
      PANTHEROS_PULUMI: "registry",
      PANTHEROS_FLEET: "sandbox/nix/fleet.toml",
      PULUMI_BACKEND_URL: `file://${this.own.directory}/backend`,
      ...this.#variables,
    });
    env["PATH"] = `${this.own.directory}/bin:${path.dirname(process.execPath)}:${process.env["PATH"]}`;
    return env;
  }

  stackOptions(): string[] {
    return ["--stack", "dev", "--config-file", path.join(this.own.directory, "Pulumi.dev.yaml")];
  }

  /** Runs `tools/pantheros COMMAND --stack dev WORDS`. */
  call(command: string, ...words: string[]) {
    const {
      status: code,
      stdout,
      stderr,
    } = spawnSync("tools/pantheros", [command, ...this.stackOptions(), ...words], {
      encoding: "utf8",
      env: this.environment(),
    });
    const logged = this.own.logged();
    return {
      code,
      stdout,
      stderr,
      /** Hosts that were connected to. */
      asked: HOSTS.filter((host) => logged.some((line) => line.includes(`HostKeyAlias=${host} `))),
      programs: logged.map((line) => path.basename(line.split(" ")[0] ?? "")),
    };
  }

  remove(): void {
    this.own.remove();
  }
}
