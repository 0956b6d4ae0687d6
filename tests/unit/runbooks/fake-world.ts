/** A sandbox in memory: what the runbooks break, do and check, with the answers of the real programs. */
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StackOutputs } from "../../../outputs/contract.ts";
import { rehearsalInventory } from "../../../sandbox/runbooks/fleet.ts";
import type { World } from "../../../sandbox/runbooks/types.ts";

interface Machine {
  running: string;
  token: string;
  /** Other files that have the old token. */
  leaked: string[];
  hello: boolean;
  secrets: boolean;
  postgres: "active" | "failed";
  /** undefined: no such table. */
  rows: string | undefined;
  owner: string;
}

const HOSTS = ["web", "db", "legacy"];
const BUCKETS = ["backups", "cache", "postgres", "state"];
const ADDRESS = "203.0.113.11";

export class FakeWorld implements World {
  readonly checkout: string;
  readonly origin = "/sandbox/origin.git";
  readonly copies = "/sandbox/copies";
  /** What was typed, in order. */
  readonly typed: string[] = [];
  /** Fails the line that has this text. */
  failing: string | undefined;
  machines: Record<string, Machine> = {};
  servers: { id: number; name: string; status: string }[] = [];
  bucket = new Set(["a.narinfo", "nar/a.nar.zst"]);
  signed = true;
  address = ADDRESS;
  hostKey = "ssh-ed25519 AAAA";
  left: string[] = [];
  outcome = "confirmed";
  state: { hosts: string[]; buckets: string[]; closures: Record<string, string> } | undefined;
  accepted = new Set<string>();
  stored = "ops_first";
  /** The rows in the last dump, and in the copy of it. */
  dump: string | undefined;
  copy: string | undefined;
  titles = ["db service account"];
  #next = 1;

  constructor() {
    const directory = mkdtempSync(join(tmpdir(), "pantheros-world-"));
    this.checkout = directory;
    mkdirSync(join(directory, "nix"));
    const text = readFileSync("sandbox/nix/fleet.toml", "utf8");
    writeFileSync(join(directory, "nix/fleet.toml"), rehearsalInventory(text));
    this.accepted.add(this.stored);
    this.converge();
  }

  /** The system of a host: it depends on the inventory alone. */
  system(host: string): string {
    const text = readFileSync(join(this.checkout, "nix/fleet.toml"), "utf8");
    return `/nix/store/${text.includes("a mistake") ? "bad" : "good"}-${host}`;
  }

  /** `up`. */
  converge(): void {
    if (!this.servers.some(({ name }) => name === "web")) {
      // As at the vendor: without a refresh the state still has the server, and nothing is created.
      if (this.state?.hosts.includes("web")) {
        this.outcome = "offline";
        return;
      }
      this.servers.push({ id: this.#next++, name: "web", status: "running" });
    }
    for (const host of HOSTS) {
      const before = this.machines[host];
      this.machines[host] = {
        leaked: [],
        owner: "notes",
        rows: undefined,
        postgres: "active",
        ...before,
        running: this.system(host),
        token: this.stored,
        hello: true,
        secrets: true,
      };
    }
    this.outcome = "confirmed";
    if (this.state === undefined) this.titles.push("tailnet key db");
    this.state = {
      hosts: [...HOSTS],
      buckets: [...BUCKETS],
      closures: Object.fromEntries(HOSTS.map((host) => [host, this.system(host)])),
    };
  }

  secret(name: string): string {
    return `value of ${name}`;
  }

  async type(line: string): Promise<void> {
    this.typed.push(line);
    if (this.failing !== undefined && line.includes(this.failing)) throw new Error(`${line}: exit code 1`);
    const inventory = join(this.checkout, "nix/fleet.toml");
    if (/\brevert\b/.test(line)) {
      const text = readFileSync(inventory, "utf8").replace("a mistake", "web of the sandbox");
      writeFileSync(inventory, text);
    } else if (line.startsWith("tools/pulumi refresh")) {
      if (this.state !== undefined)
        this.state.hosts = this.state.hosts.filter(
          (host) => host !== "web" || this.servers.some(({ name }) => name === host),
        );
    } else if (line.startsWith("tools/pulumi up")) this.converge();
    else if (line.includes("nix copy")) this.bucket = new Set(["a.narinfo", "nar/a.nar.zst"]);
    else if (line.includes("pantheros-postgres restore notes --replace")) {
      const db = this.machines["db"];
      if (db !== undefined) Object.assign(db, { rows: this.dump, owner: "notes" });
    }
  }

  async read(argv: readonly string[], input = "") {
    const ended = (stdout: string, code = 0, stderr = "") => ({ code, stdout, stderr });
    if (argv[0] === "dig") return ended(`${this.address}\n`);
    if (argv.includes("path-info")) {
      if (this.bucket.size === 0) return ended("", 1, "error: path is not valid");
      return ended(`/nix/store/a-system\t${this.signed ? "books-1:AAAA" : ""}\n`);
    }
    if (argv[1]?.endsWith("/bucket-job.ts")) {
      const { what } = JSON.parse(input) as { what: string };
      if (what === "empty") this.bucket.clear();
      else if (what === "download") this.copy = this.dump;
      else this.dump = this.copy;
      return ended("");
    }
    const url = /url = "(.*)"/.exec(input)?.[1] ?? "";
    if (url.includes(":8004/")) {
      const token = /Bearer (\S+)"/.exec(input)?.[1] ?? "";
      return ended(this.accepted.has(token) ? "200" : "401");
    }
    if (url.includes(":8001/")) {
      if (input.includes('request = "DELETE"')) {
        this.servers = this.servers.filter(({ id }) => !url.endsWith(`/servers/${id}`));
        delete this.machines["web"];
        return ended("");
      }
      return ended(JSON.stringify({ servers: this.servers }));
    }
    throw new Error(`no such request: ${argv.join(" ")}`);
  }

  async onHost(host: string, script: string, input = "") {
    const machine = this.machines[host];
    const ended = (stdout: string, code = 0, stderr = "") => ({ code, stdout, stderr });
    if (machine === undefined) return ended("", 1, `machine ${host} is missing`);
    if (script.includes("current-system")) return ended(`${machine.running}\n`);
    if (script.startsWith("cat ")) return ended(machine.token);
    if (script.startsWith("grep "))
      return ended(machine.leaked.join("\n"), machine.leaked.length > 0 ? 0 : 1);
    if (script.includes("opnix-secrets")) return ended("", machine.secrets ? 0 : 3);
    if (script.includes("rm -rf /var/lib/postgresql/data")) {
      machine.rows = undefined;
      return ended("");
    }
    if (script.includes("is-active --quiet postgresql"))
      return ended("", machine.postgres === "active" ? 0 : 3);
    if (script === "pantheros-postgres dump") {
      this.dump = machine.rows;
      return ended("");
    }
    if (script.startsWith("psql")) {
      if (machine.postgres === "failed") return ended("", 2, "connection refused");
      if (input.includes("create table")) machine.rows = "remember the milk";
      if (input.includes("pg_get_userbyid")) return ended(machine.owner);
      if (input.startsWith("select text"))
        return machine.rows === undefined
          ? ended("", 3, 'ERROR: relation "note" does not exist')
          : ended(machine.rows);
      return ended("");
    }
    if (script.startsWith("curl")) return ended("", machine.hello ? 0 : 7);
    return ended("");
  }

  async outputs(): Promise<StackOutputs | undefined> {
    const { state } = this;
    if (state === undefined) return undefined;
    const hosts = state.hosts.map((name) => [
      name,
      {
        outcome: this.outcome,
        closure: state.closures[name],
        addresses: { ipv4: ADDRESS },
        hostKey: this.hostKey,
      },
    ]);
    return {
      hosts: Object.fromEntries(hosts),
      buckets: Object.fromEntries(state.buckets.map((name) => [name, {}])),
    } as unknown as StackOutputs;
  }

  async changes(): Promise<readonly string[]> {
    return this.left;
  }

  readonly vault = {
    read: (): string => this.stored,
    titles: (): readonly string[] => this.titles,
    removeTailnetKeys: (): void => {
      this.titles = this.titles.filter((title) => !title.startsWith("tailnet key "));
    },
    rotateAccount: (): void => {
      this.accepted.delete(this.stored);
      this.stored = "ops_second";
      this.accepted.add(this.stored);
    },
  };

  async startVendors(): Promise<void> {
    this.typed.push("vendors");
  }

  async loseEverything(): Promise<void> {
    Object.assign(this, { machines: {}, servers: [], state: undefined, bucket: new Set(), dump: undefined });
  }
}
