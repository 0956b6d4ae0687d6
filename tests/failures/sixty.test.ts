/**
 * Sixty hosts in three waves, three of them dead, one slow and one hostile: the verdict, the stack's outputs, its state and the hosts
 * themselves say the same of each. Every run gives these parts to other hosts. PANTHEROS_TRUTH_RUNS: how many runs.
 */
import { type DeployOutcome, readDeployResult } from "../../deployer/protocol/result.ts";
import {
  all,
  change,
  type Edit,
  expectWell,
  generous,
  key,
  type Moment,
  Rehearsal,
  summaries,
  withMachines,
} from "./rehearsal.ts";

jest.setTimeout(generous);

const fleet = new Rehearsal("sixty");
const waveSize = 20;
const hosts = Array.from({ length: 3 * waveSize }, (_, at) => `h${String(at + 1).padStart(2, "0")}`);
const runs = Array.from({ length: Number(process.env["PANTHEROS_TRUTH_RUNS"] || "1") }, (_, at) => at + 1);

/** Adopted machines and nothing else. */
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

/** Who plays which part in a run. The unreachable and the hostile host of the second wave hold the third. */
function castOf(run: number) {
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
type Cast = ReturnType<typeof castOf>;

const deadOf = (cast: Cast): readonly string[] => [cast.bestEffort, cast.unreachable, cast.heldAndDead];

function expectedEnd(cast: Cast, host: string): DeployOutcome {
  if (host === cast.bestEffort) return "offline";
  if (host === cast.unreachable || host === cast.hostile) return "failed";
  return cast.held.includes(host) ? "held" : "confirmed";
}

/** One value for each host, such as an outcome. */
function ofEach<T>(ask: (host: string) => T): Record<string, T> {
  return Object.fromEntries(hosts.map((host) => [host, ask(host)]));
}

const momentsOf = async (asked: readonly string[]): Promise<Readonly<Record<string, Moment>>> =>
  Object.fromEntries(await Promise.all(asked.map(async (host) => [host, await fleet.moment(host)] as const)));

/** Takes part in the activation, and confirms with the token of another deploy without having switched. */
const lies = `#!/bin/sh
case $1 in
  activate) printf '{"outcome":"waiting","running":"%s","token":"%s"}\\n' "$2" "$3"; echo "$2" >/root/wanted ;;
  confirm) printf '{"outcome":"confirmed","running":"%s","token":"of-another-deploy","generation":9}\\n' "$(cat /root/wanted)" ;;
  *) exec /root/supervisor "$@" ;;
esac
`;
const supervisor = "$(readlink -f /run/current-system/sw/bin/pantheros-supervisor)";

async function becomeHostile(host: string): Promise<void> {
  const install = `set -e; at=${supervisor}; cp -p "$at" /root/supervisor; cat >"$at.new"; chmod 0555 "$at.new"; mv -f "$at.new" "$at"`;
  expectWell(await fleet.inside(host, install, lies));
}

async function becomeHonest(host: string): Promise<void> {
  expectWell(await fleet.inside(host, `mv -f /root/supervisor "${supervisor}"`));
}

interface Exported {
  readonly deployment: {
    readonly resources: readonly {
      readonly urn: string;
      /** Replaced; a run that fails leaves its deletion to the next one. */
      readonly delete?: boolean;
      readonly outputs?: { readonly stdout?: unknown };
    }[];
    readonly pending_operations?: readonly unknown[];
  };
}

/** Each host's result as the state holds it. */
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
  await fleet.raise(adopted, "--no-deploy", "--no-vendors");
  expectWell(await fleet.up());
}, 2 * generous);
afterAll(() => fleet.lower(), generous);

test.each(runs)("sixty hosts tell the truth, run %i", async (run) => {
  const cast = castOf(run);
  const dead = deadOf(cast);
  const before = await momentsOf(hosts);
  await Promise.all(dead.map((host) => fleet.press(host, "stop")));
  await fleet.press(cast.slow, "slow");
  await becomeHostile(cast.hostile);
  fleet.only(
    all(
      key(cast.bestEffort, 'reachability = "best-effort"'),
      ...hosts.map((host) => change(host, `${host} of run ${run}`)),
    ),
  );

  const up = await fleet.up();

  expect(up.code).toBe(1);
  const ends = ofEach((host) => expectedEnd(cast, host));
  expect(up.output).toContain(`2 of ${hosts.length} hosts not converged, ${waveSize} held`);
  const told = summaries(up.output);
  expect([...told.keys()].sort()).toEqual(hosts);
  expect(ofEach((host) => /^ *[a-z0-9]+: ([a-z-]+)/.exec(told.get(host)?.[0] ?? "")?.[1])).toEqual(ends);

  const published = (await fleet.outputs()).hosts;
  expect(Object.keys(published).sort()).toEqual(hosts);
  expect(ofEach((host) => published[host]?.outcome)).toEqual(ends);
  const results = await resultsInState();
  expect(ofEach((host) => results[host]?.outcome)).toEqual(ends);

  const after = await momentsOf(hosts.filter((host) => !dead.includes(host)));
  for (const [host, { running, boots }] of Object.entries(after)) {
    const changed = running !== before[host]?.running;
    expect([host, changed, boots]).toEqual([host, ends[host] === "confirmed", running]);
    expect([host, await fleet.supervisor(host, "phase")]).toEqual([host, expect.stringMatching(/^(idle|)$/)]);
    if (!changed) continue;
    const committed = await fleet.inside(host, "cat /var/lib/pantheros/committed");
    expect([host, committed.output.trim()]).toEqual([host, `${results[host]?.token} ${running}`]);
  }
  // What a host runs is told as it is, or as not known.
  for (const host of hosts) {
    const runs = (after[host] ?? before[host])?.running;
    for (const closure of [published[host]?.closure, results[host]?.running]) {
      if (closure !== undefined || ends[host] === "confirmed") expect([host, closure]).toEqual([host, runs]);
    }
  }

  await Promise.all(dead.map((host) => fleet.press(host, "start")));
  await fleet.press(cast.slow, "plug");
  await becomeHonest(cast.hostile);
  for (const host of dead) await fleet.isBack(host, before[host] as Moment);
});

test("with all of them up and honest, the next up converges every host", async () => {
  await fleet.mend();
});
