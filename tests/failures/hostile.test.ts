/** Hosts with a replaced supervisor or forged files, all in one `up`. */
import {
  all,
  change,
  expectSuccess,
  fault,
  Rehearsal,
  ROW_TIMEOUT_MS,
  summaries,
  windows,
  withMachines,
} from "./rehearsal.ts";

jest.setTimeout(ROW_TIMEOUT_MS);

const fleet = new Rehearsal("hostile");

const supervisor = "/run/current-system/sw/bin/pantheros-supervisor";
const real = "/root/supervisor";

/** Shell words that print a status as JSON; `$system` is the running system. */
const statusLine = (more: string) =>
  `printf '{"version":1,"system":"%s","booted":"%s","profile":"%s","bootDefault":null,"generation":1,"bootId":"b","token":"t","confirmed":true,${more}}\\n' "$system" "$system" "$system"`;

const painted = [
  String.raw`\u001b[2J\u001b[H`,
  String.raw`\r4 of 4 hosts confirmed`,
  String.raw`\nweb: rolled-back at activate`,
  String.raw`\n::error::from the host`,
  String.raw`\n   ::error::from the host, further in`,
  String.raw`\n\u0060\u0060\u0060\n`,
  String.raw`\u202eforwards\u2028web: failed at copy`,
].join("");
const paintedEnd = `{"outcome":"rolled-back","step":"health","reason":"${painted}","command":"${painted}","exitCode":1}`;

/** The program that replaces each host's supervisor. */
const programs: Readonly<Record<string, string>> = {
  waits: `case $1 in
  activate) echo "$3" >/root/token; printf '{"outcome":"waiting","running":"%s","token":"%s"}\\n' "$2" "$3" ;;
  confirm) echo '{"outcome":"refused","step":"confirm","exitCode":2,"reason":"not yet"}'; exit 2 ;;
  status)
    [ -e /root/token ] || exec ${real} "$@"
    ${statusLine('"phase":"waiting","activation":{"token":"%s","wanted":null,"recorded":null}')} "$(cat /root/token)" ;;
esac`,
  floods: `exec head -c 801000000 /dev/zero`,
  nests: `d=$(head -c 20000 /dev/zero | tr '\\0' '['); e=$(head -c 20000 /dev/zero | tr '\\0' ']')
printf '{"outcome":"confirmed","version":1,"health":%s%s}\\n' "$d" "$e"`,
  lies: `case $1 in
  activate) printf '{"outcome":"waiting","running":"%s","token":"%s"}\\n' "$2" "$3"; readlink -f "$2" >/root/wanted ;;
  confirm) printf '{"outcome":"confirmed","running":"%s","token":"of-another-deploy","generation":9}\\n' "$(cat /root/wanted)" ;;
  *) exec ${real} "$@" ;;
esac`,
  paints: `case $1 in
  activate) cat /root/painted; exit 1 ;;
  status) ${statusLine('"phase":"idle","last":%s')} "$(cat /root/painted)" ;;
esac`,
};
const hostile = Object.keys(programs).sort();
/** This host's supervisor is genuine; its file with the confirmed token is forged. */
const spoiled = "spoiled";
const honest = ["web", "db", "legacy", spoiled];

/** Replaces the supervisor with a program; `restore` brings the genuine one back. */
async function replace(host: string, program: string): Promise<void> {
  expectSuccess(await fleet.onMachine(host, `cat >/root/painted`, `${paintedEnd}\n`));
  const script = `#!/bin/sh\nsystem=$(readlink /run/current-system)\n${program}\n`;
  const install = `set -e; at=$(readlink -f ${supervisor}); cp -p "$at" ${real}; cat >"$at.new"; chmod 0555 "$at.new"; mv -f "$at.new" "$at"`;
  expectSuccess(await fleet.onMachine(host, install, script));
}

const restore = async (host: string) =>
  expectSuccess(
    await fleet.onMachine(
      host,
      `set -e; cp -p ${real} ${real}.old; mv -f ${real}.old "$(readlink -f ${supervisor})"`,
    ),
  );

/** Expects no control character, and no line of a host that looks like the program's. */
function expectClean(output: string): void {
  expect(output.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/u);
  for (const line of output.split("\n")) {
    expect(line).not.toMatch(/^\s*(::|```)/);
    // A host's text follows other text, or the prefix.
    if (/from the host|hosts confirmed|forwards/.test(line)) expect(line).toMatch(/\| |: /);
  }
}

beforeAll(async () => {
  await fleet.startFleet(all(windows(60, 60), withMachines([...hostile, spoiled])));
  await Promise.all(Object.entries(programs).map(([host, program]) => replace(host, program)));
  const spoil = `printf 'a/token/with/slashes %s\\n' "$(readlink /run/current-system)" >/var/lib/pantheros/committed`;
  expectSuccess(await fleet.onMachine(spoiled, spoil));
}, 2 * ROW_TIMEOUT_MS);
afterAll(() => fleet.stopFleet());

describe("hostile hosts", () => {
  test("a preview continues, and names the hosts whose answers are invalid", async () => {
    const preview = await fleet.pulumi("preview", "--color", "never");
    expectSuccess(preview);
    expectClean(preview.output);
    expect(preview.output).toMatch(/^ *floods: the host's answer is longer than 1 MiB$/m);
    expect(preview.output).toMatch(/^ *nests: the host's answer is not a status: nested deeper than 16$/m);
    expect(preview.output).toMatch(/^ *spoiled: the host's answer is not a status: token: not a token$/m);
  });

  test("one `up` ends, confirms the others, and its verdict and outputs are true", async () => {
    const before = Object.fromEntries(
      await Promise.all(hostile.map(async (host) => [host, await fleet.running(host)] as const)),
    );
    // The runner derives its deadline from the fleet's windows; the honest hosts have their own.
    const short = (text: string) =>
      windows(5, 5, 60, 60)(text).replace("confirm_seconds = 5", "confirm_seconds = 5\nswitch_seconds = 5");
    const patient = honest.map((host) =>
      fault(host, "switch_seconds = 120, health_seconds = 60, confirm_seconds = 60"),
    );
    const changed = [...hostile, ...honest].map((host) => change(host, `${host}, changed`));
    fleet.break(all(short, ...patient, ...changed));
    const up = await fleet.up();
    expectClean(up.output);
    expect(up.code).toBeGreaterThan(0);
    const reported = summaries(up.output);
    expect([...reported.keys()].sort()).toEqual([...hostile, ...honest].sort());
    const lineOf = (host: string) => reported.get(host)?.join("\n") ?? "";
    expect(up.output).toContain("5 of 9 hosts not converged");
    expect(lineOf("waits")).toMatch(
      /waits: failed at confirm\n *reason: {2}\| the activation has not ended after \d+ s; the host's last answer: waiting/,
    );
    expect(lineOf("waits")).toMatch(/from here: the host answered "refused: not yet"/);
    expect(lineOf("floods")).toMatch(
      /floods: failed at activate\n *reason: {2}\| the host's answer is longer than 1 MiB/,
    );
    expect(lineOf("nests")).toMatch(
      /nests: failed at activate\n *reason: {2}\| the host's answer is not a result: nested deeper/,
    );
    expect(lineOf("lies")).toMatch(
      /lies: failed at confirm\n.*"confirmed", but its token is of-another-deploy/,
    );
    expect(lineOf("paints")).toMatch(/paints: rolled-back at health\n/);
    for (const host of honest) expect(lineOf(host)).toContain(`${host}: confirmed, generation `);

    const { hosts } = await fleet.outputs();
    for (const host of hostile) {
      expect([host, hosts[host]?.outcome]).toEqual([host, host === "paints" ? "rolled-back" : "failed"]);
      expect(await fleet.running(host)).toBe(before[host]);
      expect(hosts[host]?.reason).not.toMatch(/[\p{Cc}\u202e]/u);
    }
    await fleet.expectConfirmed(...hostile);
  });

  test("with genuine supervisors the next `up` converges every host", async () => {
    for (const host of hostile) await restore(host);
    await fleet.repair();
  });
});
