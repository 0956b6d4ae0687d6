/** Situations of a stack, and what `tools/pantheros preview --write` says of each. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PreviewDocument } from "../../preview/document.ts";
import { ADOPTED_ONLY, edit, WITH_WEB } from "./fleet.ts";
import { recordsOf } from "./record/compute.ts";
import { type Finished, World } from "./world.ts";

export interface Written extends Finished {
  /** The text of preview.json. */
  readonly text: string;
  readonly document: PreviewDocument;
}

/** Runs `tools/pantheros preview --write` on a world's stack. */
export async function writePreview(world: World, ...words: string[]): Promise<Written> {
  const file = world.file("preview.json");
  const stack = ["--stack", "faults", "--config-file", world.file("Pulumi.faults.yaml")];
  const done = await world.run(["tools/pantheros", "preview", "--write", file, ...words, ...stack]);
  const text = readFileSync(file, "utf8");
  return { ...done, text, document: JSON.parse(text) as PreviewDocument };
}

/** The text of a system that the flake has for each host. */
export function setSystems(world: World, systems: Readonly<Record<string, string>>): void {
  const file = world.file("systems");
  world.env["PANTHEROS_SYSTEMS"] = file;
  const lines = Object.entries(systems).map(([host, text]) => `${host} ${text}\n`);
  writeFileSync(file, lines.join(""));
}

/** A recorded machine runs a system that nobody confirmed. */
export function drift(world: World, address: string): void {
  const place = join(recordsOf(world.directory), address);
  writeFileSync(
    join(place, "system"),
    "/nix/store/00000000000000000000000000000000-nixos-system-by-hand-26.05",
  );
  writeFileSync(join(place, "token"), "");
}

const sixty = Array.from(
  { length: 60 },
  (_, at) => `
[hosts.node${at}]
environment = "ENVIRONMENT"
wave = ${1 + Math.floor(at / 20)}
profiles = ["server"]
provider = { kind = "hetzner", location = "fsn1", server_type = "cx23" }
`,
).join("");

/** Servers are protected, as in production. */
const PROTECTED = edit(WITH_WEB, "disposable = DISPOSABLE", "disposable = false\nprotect = true");

interface Situation {
  readonly name: string;
  /** Brings the world there; `stack` is up and unchanged before. */
  readonly arrange: (world: World) => Promise<readonly string[]>;
}

const urnOf = (world: World, end: string): string =>
  (world.deployment.resources ?? []).find(({ urn }) => urn.endsWith(`::${end}`))?.urn ?? "";

/** Situations of one stack that is up, each beginning where the one before ended. */
export const SITUATIONS: readonly Situation[] = [
  { name: "no-change", arrange: async () => [] },
  {
    name: "replace-protected",
    arrange: async (world) => ["--replace", urnOf(world, "db-server")],
  },
  {
    name: "drift",
    arrange: async (world) => {
      drift(world, "198.51.100.20");
      return [];
    },
  },
  {
    name: "changes",
    arrange: async (world) => {
      setSystems(world, { db: "2", web: "1", legacy: "1" });
      await world.write(edit(edit(PROTECTED, "ttl = 60", "ttl = 120"), /cx23" \}\s*$/, 'cx33" }\n'));
      return [];
    },
  },
  {
    name: "failed-evaluation",
    arrange: async (world) => {
      const bin = world.file("failing-nix");
      mkdirSync(bin, { recursive: true });
      const nix = "#!/bin/sh\necho \"error: undefined variable 'pkg'\" >&2\nexit 1\n";
      writeFileSync(join(bin, "nix"), nix, { mode: 0o755 });
      world.env["PATH"] = `${bin}:${world.env["PATH"]}`;
      return [];
    },
  },
  {
    // The finding stops the run before the evaluation, which would fail here.
    name: "policy-finding",
    arrange: async (world) => {
      await world.write(edit(PROTECTED, '["198.51.100.1/32"]', '["0.0.0.0/0"]'));
      return [];
    },
  },
];

/** A stack that is up: two created hosts and an adopted one, protected. */
export async function stackUp(): Promise<World> {
  const world = await World.make("staging");
  setSystems(world, { db: "1", web: "1", legacy: "1" });
  await world.write(PROTECTED);
  await world.startVendors();
  const up = await world.up();
  if (up.code !== 0) throw new Error(up.output);
  return world;
}

/** An empty account: everything is new. */
export async function emptyAccount(hosts: "two" | "sixty"): Promise<World> {
  const world = await World.make("staging");
  await world.write(hosts === "two" ? WITH_WEB : `${ADOPTED_ONLY}${sixty}`);
  await world.startVendors();
  return world;
}
