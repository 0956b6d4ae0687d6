/** Runs for selected hosts: the others keep what they have. */
import { evaluationArgs } from "../../../components/fleet/evaluation.ts";
import { type KeptHosts, keptIn } from "../../../components/fleet/kept.ts";
import { verdictText } from "../../../components/nixos-host/verdict.ts";
import type { StackState } from "../../../components/stack-state.ts";
import type { DeployResult } from "../../../deployer/protocol/result.ts";
import type { HostOutputs } from "../../../outputs/contract.ts";
import { record, resolved } from "../mocks.ts";
import { fleetOf, planOf, settings, store, text, world } from "./fleet-world.ts";

const options = { preview: false, checkout: "." };
const plan = planOf(text);
const selecting = (selection: string) => ({ ...settings(), selection });

const urn = (type: string, name: string) => `urn:pulumi:sandbox::pantheros::${type}::${name}`;
const command = (name: string, stdout: object, triggers: readonly string[]) => [
  urn("command:local:Command", name),
  { type: "command:local:Command", outputs: { stdout: JSON.stringify(stdout), triggers } },
];
const result = (host: string, outcome = "confirmed"): DeployResult =>
  ({ schemaVersion: 1, host, outcome, running: store("o", host), token: "t", seconds: {} }) as DeployResult;
const published = (host: string, more: Partial<HostOutputs> = {}): HostOutputs => ({
  addresses: {},
  closure: store("o", host),
  generation: 4,
  health: [],
  outcome: "confirmed",
  ...more,
});
const installed = { schemaVersion: 1, host: "x", outcome: "installed", seconds: {} };

/** The state after a run for these hosts. */
function stateOf(hosts: readonly string[], more: readonly unknown[][] = []): StackState {
  const outputs = {
    schemaVersion: 1,
    hosts: Object.fromEntries(hosts.map((host) => [host, published(host)])),
    services: {},
    dns: { records: [] },
    buckets: {},
    cache: {},
  };
  const entries = [
    [urn("pantheros:fleet:Fleet", "fleet"), { type: "pantheros:fleet:Fleet", outputs: { outputs } }],
    ...hosts.flatMap((host) => [
      command(`${host}-deploy`, result(host), [store("o", host), "t"]),
      command(`${host}-install`, installed, ["1", "x"]),
      command(`${host}-secret-opnix-token-delivery`, {}, ["a", "b"]),
    ]),
    ...more,
  ];
  return { outputs: Object.fromEntries(entries) };
}
const all = ["db", "legacy", "web"];

describe("which hosts are left out, and what they keep", () => {
  test("their wanted systems, outputs and delivered secrets", () => {
    const kept = keptIn(stateOf(all), plan, "web");
    expect([...kept.keys()]).toEqual(["db", "legacy"]);
    expect(kept.get("db")).toEqual({
      outPath: store("o", "db"),
      published: published("db"),
      secrets: new Set(["opnix-token"]),
    });
    expect(keptIn(stateOf(all), plan, "@server").size).toBe(0);
    expect(keptIn(stateOf([]), plan, undefined).size).toBe(0);
  });

  test("a run is refused when leaving a host out would not be true", () => {
    expect(() => keptIn(stateOf(["db", "web"]), plan, "web")).toThrow(
      "hosts.legacy is not selected, but this stack has never deployed it under this name: add it to --on",
    );
    const failed = command("db-install", { ...installed, outcome: "failed" }, ["1", "x"]);
    expect(() => keptIn(stateOf(all, [failed]), plan, "web")).toThrow(
      "hosts.db is not selected, but its installation has not succeeded",
    );
    const renamed = planOf(
      text
        .replace("[hosts.db]", '[hosts.data]\nformerly = "db"')
        .replaceAll("[hosts.db.", "[hosts.data.")
        .replace('host = "db"', 'host = "data"'),
    );
    expect(() => keptIn(stateOf(all), renamed, "web")).toThrow("hosts.data is not selected");
    expect([...keptIn(stateOf(all), renamed, "data").keys()]).toEqual(["legacy", "web"]);
    const gone = command("gone-deploy", result("gone"), [store("o", "gone"), "t"]);
    expect(() => keptIn(stateOf(all, [gone]), plan, "web")).toThrow(
      "hosts.gone leaves the stack, which a run for selected hosts does not do: run without --on",
    );
  });

  test("an unknown name is refused before anything is evaluated", () => {
    expect(() => evaluationArgs(plan, selecting("wep"), options)).toThrow('did you mean "web"');
    expect(() => evaluationArgs(plan, selecting(""), options)).toThrow("is empty");
  });
});

test("only selected hosts are evaluated, and no pinned one", () => {
  expect(evaluationArgs(plan, settings(), options).hosts).toEqual(all);
  expect(evaluationArgs(plan, selecting("@server"), options).hosts).toEqual(all);
  expect(evaluationArgs(plan, selecting("web,leg*"), options).hosts).toEqual(["legacy", "web"]);
  const pins = { web: store("p", "web") };
  expect(evaluationArgs(plan, { ...selecting("web,db"), pins }, options).hosts).toEqual(["db"]);
});

describe("the fleet", () => {
  const made = (kept: KeptHosts) =>
    record(() => fleetOf({ plan, settings: selecting("web"), kept }), world());

  test("hosts that are not selected keep their resources with the inputs of the state", async () => {
    const kept = keptIn(stateOf(all), plan, "web");
    const { recording, result: fleet } = await made(kept);
    const deploy = (host: string) => recording.named(`${host}-deploy`);
    for (const host of ["db", "legacy"]) {
      expect(deploy(host).inputs["triggers"]).toEqual([store("o", host), expect.anything()]);
      expect(deploy(host).ignoreChanges).toContain("triggers[1]");
    }
    expect(deploy("web").inputs["triggers"]).toEqual([store("a", "web"), expect.anything()]);
    expect(deploy("web").ignoreChanges).not.toContain("triggers[1]");
    expect(recording.named("db-install").ignoreChanges).toContain("triggers[1]");
    expect(recording.named("db-secret-opnix-token-delivery").ignoreChanges).toContain("triggers");
    const outputs = await resolved(fleet.outputs);
    expect(outputs.hosts["db"]).toMatchObject({ outcome: "confirmed", generation: 1 });
    expect(outputs.hosts["db"]).not.toHaveProperty("pinned");
  });

  test("what a probe of an earlier run had added to the outputs stays", async () => {
    const kept = keptIn(stateOf(all), plan, "web");
    const before = kept.get("db");
    const held = {
      ...published("db", { outcome: "held", closure: store("z", "db"), pinned: store("p", "db") }),
    };
    const { result: fleet } = await record(
      () =>
        fleetOf({
          plan,
          settings: selecting("web"),
          kept: new Map([
            ...kept,
            ["db", { outPath: store("o", "db"), secrets: new Set<string>(), ...before, published: held }],
          ]),
        }),
      world({ db: "held" }),
    );
    const outputs = await resolved(fleet.outputs);
    expect(outputs.hosts["db"]).toMatchObject({ outcome: "held", pinned: store("p", "db") });
  });

  test("a secret that is new for a host waits until the host is selected", async () => {
    const kept = new Map(
      [...keptIn(stateOf(all), plan, "web")].map(
        ([host, each]) => [host, { ...each, secrets: new Set<string>() }] as const,
      ),
    );
    const { recording } = await made(kept);
    const deliveries = recording.registrations.filter(({ name }) => name.endsWith("-opnix-token-delivery"));
    expect(deliveries.map(({ name }) => name)).toEqual(["web-secret-opnix-token-delivery"]);
  });
});

describe("the verdict", () => {
  const host = (name: string, outcome: string, selected?: boolean) => ({
    result: result(name, outcome),
    converge: "must" as const,
    ...(selected !== undefined && { selected }),
  });

  test("lists hosts that are not selected last, and fails for none of them", () => {
    const { failed, text: lines } = verdictText([
      host("db", "failed", false),
      host("web", "confirmed", true),
      host("legacy", "confirmed", false),
    ]);
    expect(failed).toBe(false);
    expect(lines.split("\n")).toEqual([
      "the selected required host converged",
      "web: confirmed, generation ?",
      "db: not selected; its last deploy ended failed",
      "legacy: not selected; its last deploy ended confirmed",
    ]);
  });

  test("counts the selected ones only", () => {
    const { failed, text: lines } = verdictText([
      host("db", "failed", true),
      host("web", "confirmed", false),
    ]);
    expect(failed).toBe(true);
    expect(lines.split("\n")[0]).toBe("1 of 1 selected hosts not converged");
  });
});
