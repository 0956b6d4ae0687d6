/** Runs for selected hosts with the real engine: what is evaluated and asked, and what later runs show. */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { StackOutputs } from "../../outputs/contract.ts";
import { WITH_WEB } from "./fleet.ts";
import { type Finished, World } from "./world.ts";

jest.setTimeout(15 * 60_000);

const NAMES = ["db", "legacy", "web"];
let world: World;
let log: string;

beforeAll(async () => {
  world = await World.make("sandbox");
  log = world.file("log");
  world.env["PANTHEROS_SYSTEMS"] = world.file("systems");
  // Programs that write their arguments to the log before they run.
  const bin = world.file("bin");
  mkdirSync(bin);
  for (const name of ["nix", "ssh"]) {
    const real = join(process.cwd(), "tests/faults/record/bin", name);
    writeFileSync(
      join(bin, name),
      `#!/bin/sh\nprintf '%s\\n' "${name} $*" >>'${log}'\nexec '${real}' "$@"\n`,
    );
    chmodSync(join(bin, name), 0o755);
  }
  world.env["PATH"] = `${bin}:${world.env["PATH"]}`;
  systems("1", "1");
  // web is the second wave.
  await world.write(WITH_WEB.replace("[hosts.web]", "[hosts.web]\nwave = 2"));
  await world.startVendors();
  const up = await run("up", "--yes", "--skip-preview");
  if (up.code !== 0) throw new Error(up.output);
});
afterAll(() => world.remove());

/** What the flake has for the two hosts that differ. */
const systems = (db: string, web: string) =>
  writeFileSync(world.file("systems"), `db ${db}\nweb ${web}\nlegacy 1\n`);

interface Run extends Finished {
  readonly evaluated: readonly string[];
  readonly asked: readonly string[];
}

async function run(...words: string[]): Promise<Run> {
  rmSync(log, { force: true });
  const stack = ["--stack", "faults", "--config-file", world.file("Pulumi.faults.yaml"), "--color", "never"];
  const done = await world.run(["tools/pantheros", ...words, ...stack]);
  const lines = (existsSync(log) ? readFileSync(log, "utf8") : "").split("\n");
  const evaluations = lines.filter((line) => line.startsWith("nix ") && line.includes(" eval ")).join();
  const connections = lines.filter((line) => line.startsWith("ssh ")).join("\n");
  return {
    ...done,
    evaluated: NAMES.filter((name) => evaluations.includes(`"${name}"`)),
    asked: NAMES.filter((name) => connections.includes(`HostKeyAlias=${name} `)),
  };
}

const resources = () =>
  (world.deployment.resources ?? []) as unknown as readonly {
    readonly urn: string;
    readonly type: string;
    readonly inputs?: unknown;
    readonly outputs?: Record<string, unknown>;
  }[];
const outputs = () =>
  resources().find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs as unknown as StackOutputs;

/** Everything in the state that belongs to a host, by URN. Each run encrypts secrets anew. */
const ownedBy = (host: string) =>
  Object.fromEntries(
    resources()
      .filter(({ urn }) => new RegExp(`::${host}(-|$)`).test(urn))
      .map(({ urn, inputs, outputs: known }) => [urn, withoutCiphertext({ inputs, known })]),
  );

const withoutCiphertext = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (key, part) => (key === "ciphertext" ? "" : part)));

test("a preview for one of two hosts that differ: only it is evaluated and asked", async () => {
  systems("2", "2");
  const whole = await run("preview");
  expect(whole).toMatchObject({ code: 0, evaluated: NAMES, asked: NAMES });
  expect(whole.output).toMatch(/^ *db: /m);
  const one = await run("preview", "--on", "@wave2");
  expect(one).toMatchObject({ code: 0, evaluated: ["web"], asked: ["web"] });
  expect(one.output).toContain("not selected, so not asked and not deployed to: db, legacy");
  expect(one.output).not.toMatch(/^ *db: /m);
});

test("up for one host: the other keeps its resources and outputs, and a plain preview shows it", async () => {
  const before = { db: ownedBy("db"), legacy: ownedBy("legacy"), outputs: outputs().hosts };
  const up = await run("up", "--yes", "--skip-preview", "--on", "web");
  expect(up).toMatchObject({ code: 0, evaluated: ["web"], asked: ["web"] });
  expect(up.output).toContain("db: not selected; its last deploy ended confirmed");
  expect({ db: ownedBy("db"), legacy: ownedBy("legacy") }).toEqual({ db: before.db, legacy: before.legacy });
  const { web, ...others } = outputs().hosts;
  expect(others).toEqual({ db: before.outputs["db"], legacy: before.outputs["legacy"] });
  expect(web?.closure).not.toBe(before.outputs["web"]?.closure);

  const plain = await run("preview");
  expect(plain.output).toMatch(/^ *db: /m);
  expect(plain.output).not.toMatch(/^ *web: /m);
  expect((await run("up", "--yes", "--skip-preview")).code).toBe(0);
  expect(outputs().hosts["db"]?.closure).not.toBe(before.outputs["db"]?.closure);
  expect(await run("preview", "--expect-no-changes")).toMatchObject({ code: 0 });
});

test("a selection of converged hosts changes nothing", async () => {
  expect(await run("preview", "--on", "legacy,web", "--expect-no-changes")).toMatchObject({
    code: 0,
    evaluated: ["legacy", "web"],
    asked: ["legacy", "web"],
  });
});

test("a run is refused, before anything is asked, where leaving a host out would not be true", async () => {
  expect(await run("preview", "--on", "wep")).toMatchObject({
    code: expect.not.stringMatching(/^0$/),
    asked: [],
    output: expect.stringContaining('unknown host "wep"; did you mean "web"?'),
  });
  const more =
    '\n[hosts.extra]\nenvironment = "ENVIRONMENT"\nprofiles = ["server"]\nprovider = { kind = "hetzner", location = "fsn1", server_type = "cx23" }\n';
  await world.write(WITH_WEB + more);
  const refused = await run("up", "--yes", "--skip-preview", "--on", "web");
  expect(refused.code).not.toBe(0);
  expect(refused.asked).toEqual([]);
  expect(refused.output).toContain(
    "hosts.extra is not selected, but this stack has never deployed it under this name: add it to --on",
  );
  expect(resources().some(({ urn }) => urn.includes("extra"))).toBe(false);
});
