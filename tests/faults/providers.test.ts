import "../providers/register.ts";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { StackOutputs } from "../../outputs/contract.ts";
import { type Rack, startRack } from "../providers/rack/start.ts";
import { edit, WITH_DB } from "./fleet.ts";
import { readRecords, recordsOf } from "./record/compute.ts";
import { World } from "./world.ts";

// A fleet of three providers with the real engine: a server that a vendor's plugin creates, one of a provider that is
// registered from outside of the program, and an adopted machine.

jest.setTimeout(15 * 60_000);

const SHELF = `
[hosts.shelf]
environment = "ENVIRONMENT"
profiles = ["server"]
provider = { kind = "rack", slot = 3, address = "198.51.100.33" }
`;
const FLEET = WITH_DB + SHELF;

let world: World;
let rack: Rack;

/** A port of 127.0.0.1 that was free a moment ago. */
const freePort = () =>
  new Promise<number>((known) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => known(typeof address === "object" && address ? address.port : 0));
    });
  });

const systems: Record<string, string> = { db: "1", shelf: "1", legacy: "1" };
/** What the flake has for a host, such as another message of the day. */
function system(host: string, text: string): void {
  systems[host] = text;
  const lines = Object.entries(systems).map((entry) => `${entry.join(" ")}\n`);
  writeFileSync(world.file("systems"), lines.join(""));
}

async function succeed(run: Promise<{ readonly code: number; readonly output: string }>): Promise<string> {
  const { code, output } = await run;
  expect([code, code === 0 ? "" : output]).toEqual([0, ""]);
  return output;
}
const unchanged = () => succeed(world.pulumi(["preview", "--expect-no-changes"]));

function outputs(): StackOutputs {
  const resources = (world.deployment.resources ?? []) as unknown as readonly {
    readonly type: string;
    readonly outputs?: unknown;
  }[];
  return resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs as StackOutputs;
}
const records = () => readRecords(recordsOf(world.directory));
const slots = () => JSON.parse(readFileSync(world.file("vendors/rack.json"), "utf8")) as [string, unknown][];

beforeAll(async () => {
  world = await World.make("sandbox");
  const port = await freePort();
  const computeModule = join(process.cwd(), "tests/faults/record/compute.ts");
  rack = await startRack({
    directory: world.directory,
    name: "rack",
    address: "127.0.0.1",
    port,
    computeModule,
  });
  Object.assign(world.env, rack.env, { PANTHEROS_SYSTEMS: world.file("systems") });
  system("shelf", "1");
  await world.write(FLEET);
  await world.startVendors();
});
afterAll(async () => {
  await rack?.stop();
  await world?.remove();
});

test("up installs and deploys them, and the next preview is unchanged", async () => {
  await succeed(world.up());
  const { hosts } = outputs();
  expect(Object.values(hosts).map(({ outcome }) => outcome)).toEqual(["confirmed", "confirmed", "confirmed"]);
  expect(hosts["shelf"]?.addresses.ipv4).toBe("198.51.100.33");
  // The temporary SSH rule of the installation is gone.
  expect(slots()).toEqual([["3", expect.not.objectContaining({ ssh: expect.anything() })]]);
  await unchanged();
});

test("a new system is deployed to the provider's host alone", async () => {
  const before = records();
  system("shelf", "2");
  await succeed(world.up());
  const after = records();
  expect(after["shelf"]?.["system"]).not.toBe(before["shelf"]?.["system"]);
  expect(after["db"]).toEqual(before["db"]);
  await unchanged();
});

test("a machine that is off is powered on", async () => {
  const power = join(recordsOf(world.directory), "shelf", "power");
  writeFileSync(power, "off\n");
  const preview = await world.pulumi(["preview"]);
  expect(preview.output).toContain("its slot is off");
  expect(await succeed(world.up())).toContain("shelf: its slot was off and was powered on");
  await unchanged();
});

test("a renamed host keeps its machine", async () => {
  const { disk } = records()["shelf"] ?? {};
  systems["board"] = "2";
  system("board", "2");
  await world.write(edit(FLEET, "[hosts.shelf]\n", '[hosts.board]\nformerly = "shelf"\n'));
  await succeed(world.up());
  expect(records()["shelf"]?.["disk"]).toBe(disk);
  expect(outputs().hosts["board"]?.outcome).toBe("confirmed");
  await unchanged();
});

test("a decommissioned host keeps its machine without traffic, and its removal deletes the machine", async () => {
  const renamed = edit(FLEET, "[hosts.shelf]\n", "[hosts.board]\n");
  await world.write(edit(renamed, "[hosts.board]\n", '[hosts.board]\ndecommission = "keep"\n'));
  await succeed(world.up());
  expect(outputs().hosts["board"]).toBeUndefined();
  expect(outputs().retired?.["board"]).toEqual({ addresses: { ipv4: "198.51.100.33" }, server: "kept" });
  expect(slots()).toEqual([["3", expect.objectContaining({ rules: [] })]]);
  await unchanged();
  await world.write(WITH_DB);
  await succeed(world.up());
  expect(slots()).toEqual([]);
  expect(records()["shelf"]).toBeUndefined();
});

test("destroy deletes its machine and those of the other providers, and keeps the adopted one", async () => {
  await world.write(FLEET);
  await succeed(world.up());
  expect(slots()).toHaveLength(1);
  await succeed(world.pulumi(["destroy", "--yes", "--skip-preview"]));
  expect(slots()).toEqual([]);
  expect(Object.keys(records())).toEqual(["198.51.100.20"]);
});

test("without the registration its hosts are refused, with the remedy", async () => {
  const registered = world.env["PANTHEROS_PROVIDERS"];
  delete world.env["PANTHEROS_PROVIDERS"];
  const { code, output } = await world.pulumi(["preview"]);
  world.env["PANTHEROS_PROVIDERS"] = registered;
  expect(code).not.toBe(0);
  expect(output).toMatch(/fleet\.toml: hosts\.shelf\.provider\.kind: must be .*PANTHEROS_PROVIDERS/);
});
