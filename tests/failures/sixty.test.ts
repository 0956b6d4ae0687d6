/**
 * Sixty hosts in three waves, three of them dead, one slow and one that lies: the verdict, the outputs, the state and the hosts say the
 * same. PANTHEROS_TRUTH_RUNS says how often.
 */
import { readDeployResult } from "../../components/nixos-host/result.ts";
import {
  all,
  change,
  type Edit,
  expectWell,
  generous,
  key,
  Rehearsal,
  summaries,
  windows,
  withMachines,
} from "./rehearsal.ts";

jest.setTimeout(generous);

const runs = Number(process.env["PANTHEROS_TRUTH_RUNS"] ?? "1");
const fleet = new Rehearsal("sixty");

/** aa, ab, … : a name is letters only here. */
const names = Array.from(
  { length: 57 },
  (_, at) => `h${String.fromCharCode(97 + Math.floor(at / 10), 97 + (at % 10))}`,
);
const hosts = [...names, "db", "legacy", "web"];
const [dead1 = "", dead2 = "", offline = "", slow = "", liar = ""] = names.slice(20, 25);
const dead = [dead1, dead2, offline];
const waves: Edit = all(
  ...names.slice(20, 40).map((name) => key(name, "wave = 2")),
  ...names.slice(40).map((name) => key(name, "wave = 3")),
  key(offline, 'reachability = "best-effort"'),
);

/** Says that it waits, and confirms with the token of another deploy. */
const lies = `#!/bin/sh
case $1 in
  activate) printf '{"outcome":"waiting","running":"%s","token":"%s"}\\n' "$2" "$3" ;;
  confirm) printf '{"outcome":"confirmed","running":"%s","token":"of-another-deploy","generation":9}\\n' "$(readlink /run/current-system)" ;;
  *) exec /root/supervisor "$@" ;;
esac
`;

beforeAll(async () => {
  await fleet.raise(all(windows(60, 60), withMachines(names), waves));
}, 3 * generous);
afterAll(() => fleet.lower(), generous);

interface Exported {
  readonly deployment: { readonly resources: readonly { urn: string; outputs?: { stdout?: unknown } }[] };
}

test.each(Array.from({ length: runs }, (_, at) => at + 1))(
  "sixty hosts tell the truth, run %i",
  async (run) => {
    for (const host of dead) await fleet.press(host, "stop");
    await fleet.press(slow, "slow");
    const replace = `at=$(readlink -f /run/current-system/sw/bin/pantheros-supervisor); cp -p "$at" /root/supervisor; cat >"$at.new"; chmod 0555 "$at.new"; mv -f "$at.new" "$at"`;
    expectWell(await fleet.inside(liar, replace, lies));
    fleet.only(all(...hosts.map((host) => change(host, `${host}, run ${run}`))));
    const up = await fleet.up();
    expect(up.code).toBeGreaterThan(0);

    const expected = (host: string): string => {
      if (host === offline) return "offline";
      if (dead.includes(host) || host === liar) return "failed";
      return names.indexOf(host) >= 40 ? "held" : "confirmed";
    };
    const wanted = Object.fromEntries(hosts.map((host) => [host, expected(host)]));
    const told = summaries(up.output);
    const said = hosts.map((host) => [host, /: ([a-z-]+)/.exec(told.get(host)?.[0] ?? "")?.[1]]);
    expect(Object.fromEntries(said)).toEqual(wanted);
    const published = (await fleet.outputs()).hosts;
    expect(Object.fromEntries(hosts.map((host) => [host, published[host]?.outcome]))).toEqual(wanted);
    const state = await fleet.pulumi("stack", "export");
    const { deployment } = JSON.parse(state.output.slice(state.output.indexOf("{"))) as Exported;
    const results = hosts.map((host) => {
      const stdout = deployment.resources.find(({ urn }) => urn.endsWith(`::${host}-deploy`))?.outputs
        ?.stdout;
      return [host, readDeployResult(host, String(stdout)).outcome];
    });
    expect(Object.fromEntries(results)).toEqual(wanted);
    for (const host of hosts.filter((name) => !dead.includes(name))) {
      const closure = published[host]?.closure;
      if (closure !== undefined) expect([host, closure]).toEqual([host, await fleet.running(host)]);
    }

    for (const host of dead) await fleet.press(host, "start");
    await fleet.press(slow, "plug");
    const restore = `mv -f /root/supervisor "$(readlink -f /run/current-system/sw/bin/pantheros-supervisor)"`;
    expectWell(await fleet.inside(liar, restore));
  },
);
