/** The program of another team reads the outputs of the faults' stack: after good, failed and ended runs. */
import { appendFileSync, chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { StackOutputs } from "../../outputs/contract.ts";
import type { State as CloudflareState } from "../../sandbox/vendors/cloudflare/state.ts";
import { makeConsumer } from "../unit/outputs/consumer.ts";
import { ADOPTED_ONLY } from "./fleet.ts";
import { type Finished, World } from "./world.ts";

jest.setTimeout(15 * 60_000);

let world: World;
let project: string;
/** Programs that come first on PATH. */
let bin: string;

beforeAll(async () => {
  world = await World.make("sandbox");
  project = world.file("consumer");
  bin = world.file("bin");
  mkdirSync(bin);
  world.env["PATH"] = `${bin}:${world.env["PATH"]}`;
  await world.write(ADOPTED_ONLY);
  await world.startVendors();
  makeConsumer(project);
  succeed(await consumer("stack", "init", "shop", "--no-select"));
  const base = /cloudflare:baseUrl: .*/.exec(readFileSync(world.file("Pulumi.faults.yaml"), "utf8"))?.[0];
  appendFileSync(
    join(project, "Pulumi.shop.yaml"),
    `config:\n  consumer:fleet: organization/pantheros/faults\n  consumer:host: legacy\n  ${base}\n`,
  );
});
afterAll(() => world?.remove());

const consumer = (...words: string[]) => world.run(["tools/with", "pulumi", "--cwd", project, ...words]);
const consumerUp = (...words: string[]) =>
  consumer("up", "--yes", "--skip-preview", "--stack", "shop", ...words);

function succeed(run: Finished): Finished {
  if (run.code !== 0) throw new Error(run.output);
  return run;
}

async function outputsOf(run: Promise<Finished>): Promise<unknown> {
  const { output } = succeed(await run);
  return JSON.parse(output.slice(output.indexOf("{")));
}
const fleetOutputs = () =>
  outputsOf(
    world.run([
      "tools/with",
      "pulumi",
      "--cwd",
      world.file("project"),
      "stack",
      "output",
      "--json",
      "--stack",
      "faults",
    ]),
  ) as Promise<StackOutputs>;
const consumerOutputs = () => outputsOf(consumer("stack", "output", "--json", "--stack", "shop"));

function vendorRecord(): string | undefined {
  const { zones } = JSON.parse(
    readFileSync(world.file("vendors/cloudflare.json"), "utf8"),
  ) as CloudflareState;
  return Object.values(zones)
    .flatMap(({ records }) => Object.values(records))
    .find(({ name }) => name === "shop.example.test")?.content;
}

test("before the fleet's first run the error names the stack", async () => {
  const early = await consumerUp();
  expect(early.code).not.toBe(0);
  expect(early.output).toContain(
    "stack organization/pantheros/faults has no output schemaVersion: it is not a PantherOS stack, or was never deployed",
  );
});

test("it makes a DNS record for a host of the fleet, and a run of the fleet leaves the record alone", async () => {
  succeed(await world.up());
  succeed(await consumerUp());
  expect(vendorRecord()).toBe("198.51.100.20");
  expect(await consumerOutputs()).toEqual({ healthy: true, url: "https://shop.example.test" });
  const { hosts, environment } = await fleetOutputs();
  expect(environment).toBe("sandbox");
  expect(hosts["legacy"]).toMatchObject({ outcome: "confirmed", wave: 1, reachability: "always" });
  expect(hosts["legacy"]?.wanted).toBe(hosts["legacy"]?.closure);
  expect(hosts["legacy"]?.booted).toBe(hosts["legacy"]?.closure);
  succeed(await world.up());
  expect(vendorRecord()).toBe("198.51.100.20");
});

test("a failed run of the fleet: the outputs say so, and the consumer's next run succeeds", async () => {
  const power = join(world.file("records"), "198.51.100.20/power");
  writeFileSync(world.file("systems"), "legacy 2\n");
  world.env["PANTHEROS_SYSTEMS"] = world.file("systems");
  writeFileSync(power, "off\n");
  expect((await world.up()).code).not.toBe(0);
  const { hosts } = await fleetOutputs();
  expect(hosts["legacy"]).toMatchObject({ outcome: "failed", step: "connect", hint: expect.any(String) });
  expect(hosts["legacy"]?.wanted).toMatch(/^\/nix\/store\//);
  succeed(await consumerUp());
  expect(vendorRecord()).toBe("198.51.100.20");
  expect(await consumerOutputs()).toMatchObject({ healthy: false });

  writeFileSync(power, "running\n");
  succeed(await world.up());
  succeed(await consumerUp());
  expect(await consumerOutputs()).toMatchObject({ healthy: true });
});

/** Programs that end before they have outputs. */
const ENDED: readonly [string, () => void, () => void, string][] = [
  [
    "the inventory cannot be read",
    () => writeFileSync(world.file("fleet.toml"), "schema = \n"),
    () => writeFileSync(world.file("fleet.toml"), before),
    "fleet.toml",
  ],
  [
    "no host can be evaluated",
    () => {
      writeFileSync(join(bin, "nix"), "#!/bin/sh\necho 'error: the flake is broken' >&2\nexit 1\n");
      chmodSync(join(bin, "nix"), 0o755);
    },
    () => rmSync(join(bin, "nix")),
    "the flake is broken",
  ],
  [
    "the program is killed",
    () => {
      // Its parent's parent: nix is started by the program.
      writeFileSync(join(bin, "nix"), "#!/bin/sh\nkill -9 $PPID\nsleep 1\n");
      chmodSync(join(bin, "nix"), 0o755);
    },
    () => rmSync(join(bin, "nix")),
    "SIGKILL",
  ],
];
let before = "";

test.each(ENDED)(
  "a run that ends before it has outputs leaves those of before: %s",
  async (_, act, undo, message) => {
    before = readFileSync(world.file("fleet.toml"), "utf8");
    const outputs = await fleetOutputs();
    act();
    const ended = await world.up();
    undo();
    expect(ended.code).not.toBe(0);
    expect(ended.output).toContain(message);
    expect(await fleetOutputs()).toEqual(outputs);
    succeed(await consumer("preview", "--expect-no-changes", "--stack", "shop"));
  },
);
