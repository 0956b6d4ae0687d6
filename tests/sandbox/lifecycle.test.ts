import "../providers/register.ts";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { driverNamespace, nsenterNet } from "../../sandbox/network/names.ts";
import { RUNNER_ADDRESS } from "../../sandbox/network/plan.ts";
import { NOT_READ } from "../../tools/recovery/deployment.ts";
import { type Rack, startRack } from "../providers/rack/start.ts";
import { expectSuccess, Sandbox } from "./sandbox.ts";

jest.setTimeout(30 * 60_000);

const sandbox = new Sandbox("life");

/** Runs a program in its own process group and kills the group when `isTime` returns true. */
function killedWhen(argv: readonly string[], isTime: () => boolean): Promise<"killed" | "ended"> {
  const [program = "", ...args] = argv;
  return new Promise((done) => {
    const child = spawn(program, args, { env: sandbox.environment, detached: true, stdio: "ignore" });
    const timer = setInterval(() => {
      if (child.pid !== undefined && isTime()) process.kill(-child.pid, "SIGKILL");
    }, 10);
    child.on("close", (_, signal) => {
      clearInterval(timer);
      done(signal === null ? "ended" : "killed");
    });
  });
}

/** Runs `sandbox up` and kills it with its children after `milliseconds`, unless it has ended. */
function killedUp(milliseconds: number): Promise<"killed" | "ended"> {
  const from = Date.now();
  return killedWhen(["tools/pantheros", "sandbox", "up"], () => Date.now() - from > milliseconds);
}

const text = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
};
const state = () => text(sandbox.file("pulumi/.pulumi/stacks/pantheros/sandbox.json"));
interface Checkpoint {
  readonly checkpoint: {
    readonly latest: {
      readonly pending_operations?: readonly { readonly resource: { readonly urn: string } }[];
    };
  };
}
const isPending = (name: string): boolean => {
  try {
    const { pending_operations: pending = [] } = (JSON.parse(state()) as Checkpoint).checkpoint.latest;
    return pending.some(({ resource }) => resource.urn.endsWith(`::${name}`));
  } catch {
    // The file was read while it was written.
    return false;
  }
};
/** The emulated Hetzner's data on disk, which it writes before it answers. */
const atVendor = () =>
  JSON.parse(text(sandbox.file("vendors", "hetzner.json")) || "{}") as Record<
    "servers" | "primary_ips",
    Record<string, { id: number; name: string; assignee_id?: number | null; ip?: string }>
  >;
const serverNamed = (name: string) =>
  Object.values(atVendor().servers ?? {}).find((row) => row.name === name);
const addressesOf = (server: number | undefined) =>
  Object.values(atVendor().primary_ips ?? {})
    .filter((row) => row.assignee_id === server)
    .map(({ id, ip }) => `${id} ${ip}`);

/**
 * Adds a host, kills the run while it creates the server, and then kills the recovery before it has
 * read the server.
 */
async function killedWhileMaking(host: string): Promise<void> {
  sandbox.editFleet((fleet) =>
    fleet.replace(
      "[hosts.legacy]",
      `[hosts.${host}]
environment = "sandbox"
profiles = ["server"]
provider = { kind = "hetzner", location = "fsn1", server_type = "cx23", image = "debian-13" }

[hosts.legacy]`,
    ),
  );
  expectSuccess(await sandbox.cli("up", "--no-deploy"));
  const run = (...words: string[]) => ["tools/pulumi", ...words, "--stack", "sandbox"];
  const up = run("up", "--yes", "--skip-preview", "--color", "never");
  const made = () => isPending(`${host}-server`) && serverNamed(host) !== undefined;
  expect(await killedWhen(up, made)).toBe("killed");
  expect(isPending(`${host}-server`)).toBe(true);
  const recover = ["tools/pantheros", "recover", "--stack", "sandbox"];
  expect(await killedWhen(recover, () => state().includes(NOT_READ))).toBe("killed");
  expect(state()).toContain(NOT_READ);
}

let rack: Rack | undefined;

describe("killed runs of `make sandbox`", () => {
  beforeAll(async () => {
    await sandbox.reset();
  });

  afterAll(async () => {
    const down = await sandbox.cli("down");
    await rack?.stop();
    expectSuccess(down);
    expect(sandbox.leftovers()).toEqual([]);
  });

  // Three random moments, one in each third of the run; the test's name shows them.
  const moments = [3, 11, 22].map((from, i) => Math.round((from + Math.random() * (8 + 3 * i)) * 1000));

  test(`killed after ${moments.join(", ")} ms: the next run completes`, async () => {
    const ends: string[] = [];
    for (const moment of moments) ends.push(await killedUp(moment));
    expect(ends).toContain("killed");
    const { code, output } = await sandbox.cli("up");
    expectSuccess({ code, output });
    const { hosts } = await sandbox.outputs();
    expect(Object.values(hosts).map((host) => host.outcome)).toEqual(["confirmed", "confirmed", "confirmed"]);
    expect(await sandbox.changes()).toEqual([]);
  });

  test("killed while a server is created, and the recovery killed too: the next run keeps server and addresses", async () => {
    await killedWhileMaking("extra");
    const server = serverNamed("extra");
    const addresses = addressesOf(server?.id);
    expect(addresses).toHaveLength(2);

    expectSuccess(await sandbox.up());

    expect(state()).not.toContain(NOT_READ);
    expect(serverNamed("extra")?.id).toBe(server?.id);
    expect(addressesOf(server?.id)).toEqual(addresses);
    expect((await sandbox.outputs()).hosts["extra"]?.outcome).toBe("confirmed");
    expect(await sandbox.changes()).toEqual([]);
  });

  test("down after the same kills leaves nothing, and up creates the fleet again", async () => {
    await killedWhileMaking("another");
    expectSuccess(await sandbox.cli("down"));
    expect(sandbox.leftovers()).toEqual([]);
    await sandbox.reset();
    const { code, output } = await sandbox.cli("up");
    expectSuccess({ code, output });
  });

  const SHELF = `
[hosts.shelf]
environment = "sandbox"
profiles = ["server"]
tags = ["server"]
provider = { kind = "rack", slot = 3, address = "198.51.100.33" }
extra = { motd = "shelf of the sandbox" }

[[dns.records]]
name = "_sip._tcp"
type = "SRV"
content = "10 5 5060 web.example.test"

[[dns.records]]
name = "svc"
type = "HTTPS"
content = "1 . alpn=h3,h2"

[buckets.maps]
environment = "sandbox"
purpose = "maps"
name = "sandbox-maps"
`;

  /** Runs `up`, and expects that the next preview shows no change. */
  async function converged(): Promise<void> {
    expectSuccess(await sandbox.up());
    expect(await sandbox.changes()).toEqual([]);
  }

  test("a host of a provider from outside of the program is installed, deployed, rolled back, renamed and removed", async () => {
    sandbox.editFleet((fleet) => fleet + SHELF);
    expectSuccess(await sandbox.cli("up", "--no-deploy"));
    rack = await startRack({
      directory: sandbox.directory,
      name: sandbox.name,
      address: RUNNER_ADDRESS,
      port: 8010,
      computeModule: "sandbox/machines/compute.ts",
      within: nsenterNet(driverNamespace(sandbox.name), []),
    });
    Object.assign(sandbox.environment, rack.env);
    await converged();
    const first = await sandbox.running("shelf");
    expect((await sandbox.outputs()).hosts["shelf"]).toMatchObject({ outcome: "confirmed", closure: first });
    const { output: records } = await sandbox.inDriver("dig", "+short", "SRV", "_sip._tcp.example.test");
    expect(records.trim()).toBe("10 5 5060 web.example.test.");
    expect((await sandbox.inDriver("dig", "+short", "HTTPS", "svc.example.test")).output).toMatch(
      /^1 \. alpn=/,
    );
    expect((await sandbox.outputs()).buckets).toHaveProperty("maps");

    sandbox.editFleet((fleet) => fleet.replace("shelf of the sandbox", "another message"));
    await converged();
    const second = await sandbox.running("shelf");
    expect(second).not.toBe(first);

    sandbox.editFleet((fleet) =>
      fleet.replace('"another message"', '"another message", activation = "fail"'),
    );
    expect((await sandbox.up()).code).not.toBe(0);
    expect((await sandbox.outputs()).hosts["shelf"]).toMatchObject({
      outcome: "rolled-back",
      closure: second,
    });
    expect(await sandbox.running("shelf")).toBe(second);
    sandbox.editFleet((fleet) => fleet.replace(', activation = "fail"', ""));

    sandbox.editFleet((fleet) => fleet.replace("[hosts.shelf]", '[hosts.board]\nformerly = "shelf"'));
    await converged();
    expect((await sandbox.outputs()).hosts["board"]?.outcome).toBe("confirmed");
    expect((await sandbox.onMachine("shelf", "true")).code).toBe(0);

    sandbox.editFleet((fleet) => fleet.replace("[hosts.board]", '[hosts.board]\ndecommission = "delete"'));
    await converged();
    expect((await sandbox.outputs()).hosts).not.toHaveProperty("board");
    expectSuccess(await sandbox.pulumi("destroy", "--yes", "--skip-preview", "--color", "never"));
    expect((await sandbox.onMachine("shelf", "true")).code).not.toBe(0);
    expect((await sandbox.onMachine("legacy", "true")).code).toBe(0);
  });
});
