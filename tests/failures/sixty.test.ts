/**
 * Sixty hosts in three waves: three dead, one slow, one hostile. Verdict, outputs, state and the hosts
 * themselves agree about each. Every run gives these roles to different hosts. PANTHEROS_TRUTH_RUNS:
 * number of runs.
 */
import { type DeployOutcome, readDeployResult } from "../../deployer/protocol/result.ts";
import {
  all,
  change,
  type Edit,
  expectSuccess,
  type HostState,
  key,
  Rehearsal,
  ROW_TIMEOUT_MS,
  summaries,
  withMachines,
} from "./rehearsal.ts";

jest.setTimeout(ROW_TIMEOUT_MS);

const fleet = new Rehearsal("sixty");
const waveSize = 20;
const hosts = Array.from({ length: 3 * waveSize }, (_, at) => `h${String(at + 1).padStart(2, "0")}`);
const runs = Array.from({ length: Number(process.env["PANTHEROS_TRUTH_RUNS"] || "1") }, (_, at) => at + 1);

/** Adopted machines only. */
const adopted: Edit = all(
  () => `schema = 1

[fleet]
description = "Sixty machines"
domain = "example.test"
vault = "sandbox"

[environments.sandbox]
owns_singletons = true
disposable = true

[deploy]
sources = ["198.51.100.1/32"]
address = "public"
confirm_seconds = 60
health_seconds = 60
`,
  withMachines(hosts, 101),
  ...hosts.slice(waveSize).map((host, at) => key(host, `wave = ${at < waveSize ? 2 : 3}`)),
);

/** The roles in a run. The unreachable and the hostile host of the second wave hold the third. */
function rolesOf(run: number) {
  const inWave = (wave: number, at: number) => hosts[(wave - 1) * waveSize + (at % waveSize)] ?? "";
  return {
    bestEffort: inWave(1, run),
    slow: inWave(1, run + 7),
    unreachable: inWave(2, run),
    hostile: inWave(2, run + 7),
    heldAndDead: inWave(3, run),
    held: hosts.slice(2 * waveSize),
  };
}
type Cast = ReturnType<typeof rolesOf>;

const deadOf = (cast: Cast): readonly string[] => [cast.bestEffort, cast.unreachable, cast.heldAndDead];

function expectedEnd(cast: Cast, host: string): DeployOutcome {
  if (host === cast.bestEffort) return "offline";
  if (host === cast.unreachable || host === cast.hostile) return "failed";
  return cast.held.includes(host) ? "held" : "confirmed";
}

/** A value for each host, such as its outcome. */
function ofEach<T>(ask: (host: string) => T): Record<string, T> {
  return Object.fromEntries(hosts.map((host) => [host, ask(host)]));
}

const statesOf = async (names: readonly string[]): Promise<Readonly<Record<string, HostState>>> =>
  Object.fromEntries(
    await Promise.all(names.map(async (host) => [host, await fleet.hostState(host)] as const)),
  );

/** Accepts the activation without switching, and confirms with the token of a different deploy. */
const lies = `#!/bin/sh
case $1 in
  activate) printf '{"outcome":"waiting","running":"%s","token":"%s"}\\n' "$2" "$3"; echo "$2" >/root/wanted ;;
  confirm) printf '{"outcome":"confirmed","running":"%s","token":"of-another-deploy","generation":9}\\n' "$(cat /root/wanted)" ;;
  *) exec /root/supervisor "$@" ;;
esac
`;
const supervisor = "$(readlink -f /run/current-system/sw/bin/pantheros-supervisor)";

async function makeHostile(host: string): Promise<void> {
  const install = `set -e; at=${supervisor}; cp -p "$at" /root/supervisor; cat >"$at.new"; chmod 0555 "$at.new"; mv -f "$at.new" "$at"`;
  expectSuccess(await fleet.onMachine(host, install, lies));
}

async function restoreSupervisor(host: string): Promise<void> {
  expectSuccess(await fleet.onMachine(host, `mv -f /root/supervisor "${supervisor}"`));
}

interface Exported {
  readonly deployment: {
    readonly resources: readonly {
      readonly urn: string;
      /** Will be replaced; a failed run leaves the deletion to the next. */
      readonly delete?: boolean;
      readonly outputs?: { readonly stdout?: unknown };
    }[];
    readonly pending_operations?: readonly unknown[];
  };
}

/** Each host's result in the state. */
async function resultsInState() {
  const { output } = await fleet.pulumi("stack", "export");
  const { deployment } = JSON.parse(output.slice(output.indexOf("{"))) as Exported;
  expect(deployment.pending_operations ?? []).toEqual([]);
  return ofEach((host) => {
    const deploys = deployment.resources.filter((one) => one.urn.endsWith(`::${host}-deploy`) && !one.delete);
    expect([host, deploys.length]).toEqual([host, 1]);
    return readDeployResult(host, String(deploys[0]?.outputs?.stdout));
  });
}

beforeAll(async () => {
  await fleet.startFleet(adopted, "--no-deploy", "--no-vendors");
  expectSuccess(await fleet.up());
}, 2 * ROW_TIMEOUT_MS);
afterAll(() => fleet.stopFleet(), ROW_TIMEOUT_MS);

test.each(runs)("sixty hosts: all reports are true, run %i", async (run) => {
  const cast = rolesOf(run);
  const dead = deadOf(cast);
  const before = await statesOf(hosts);
  await Promise.all(dead.map((host) => fleet.operate(host, "stop")));
  await fleet.operate(cast.slow, "slow");
  await makeHostile(cast.hostile);
  fleet.replaceEdit(
    all(
      key(cast.bestEffort, 'reachability = "best-effort"'),
      ...hosts.map((host) => change(host, `${host} of run ${run}`)),
    ),
  );

  const up = await fleet.up();

  expect(up.code).toBe(1);
  const ends = ofEach((host) => expectedEnd(cast, host));
  expect(up.output).toContain(`2 of ${hosts.length} hosts not converged, ${waveSize} held`);
  const reported = summaries(up.output);
  expect([...reported.keys()].sort()).toEqual(hosts);
  expect(ofEach((host) => /^ *[a-z0-9]+: ([a-z-]+)/.exec(reported.get(host)?.[0] ?? "")?.[1])).toEqual(ends);

  const published = (await fleet.outputs()).hosts;
  expect(Object.keys(published).sort()).toEqual(hosts);
  expect(ofEach((host) => published[host]?.outcome)).toEqual(ends);
  const results = await resultsInState();
  expect(ofEach((host) => results[host]?.outcome)).toEqual(ends);

  const after = await statesOf(hosts.filter((host) => !dead.includes(host)));
  for (const [host, { running, boots }] of Object.entries(after)) {
    const changed = running !== before[host]?.running;
    expect([host, changed, boots]).toEqual([host, ends[host] === "confirmed", running]);
    expect([host, await fleet.recordValue(host, "phase")]).toEqual([
      host,
      expect.stringMatching(/^(idle|)$/),
    ]);
    if (!changed) continue;
    const committed = await fleet.onMachine(host, "cat /var/lib/pantheros/committed");
    expect([host, committed.output.trim()]).toEqual([host, `${results[host]?.token} ${running}`]);
  }
  // A host's closure is reported correctly, or as unknown.
  for (const host of hosts) {
    const runs = (after[host] ?? before[host])?.running;
    for (const closure of [published[host]?.closure, results[host]?.running]) {
      if (closure !== undefined || ends[host] === "confirmed") expect([host, closure]).toEqual([host, runs]);
    }
  }

  await Promise.all(dead.map((host) => fleet.operate(host, "start")));
  await fleet.operate(cast.slow, "plug");
  await restoreSupervisor(cast.hostile);
  for (const host of dead) await fleet.waitRolledBack(host, before[host] as HostState);
});

test("with all hosts up and genuine, the next up converges every host", async () => {
  await fleet.repair();
});
