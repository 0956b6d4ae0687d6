import { interrupted } from "./interrupted.ts";
import { leaks } from "./leaks.ts";
import {
  all,
  change,
  check,
  expectReported,
  expectSuccess,
  fault,
  key,
  multiplexing,
  nothing,
  Rehearsal,
  ROW_TIMEOUT_MS,
  windows,
  withMachines,
} from "./rehearsal.ts";
import { describeRows, type Row, rollbackRow } from "./together.ts";

jest.setTimeout(ROW_TIMEOUT_MS);

const fleet = new Rehearsal("deploys");

const newcomer = "bay";
const machines = ["spare", "ash", "fir", "oak", "kit", "elm", "yew", "fig", "box", "may", "nut", "sun"];

/** The canaries are in wave 1 like most hosts; then may, then nut. */
const waves = all(key("may", "wave = 2"), key("nut", "wave = 3"));

beforeAll(async () => {
  await fleet.startFleet(all(windows(120, 60), withMachines([...machines, newcomer]), waves), "--no-deploy");
  // All these machines exist, and all but one are in the fleet.
  fleet.addToBaseline((text) => text.slice(0, text.indexOf(`[hosts.${newcomer}]`)));
  fleet.replaceEdit(nothing);
  expectSuccess(await fleet.up());
}, 2 * ROW_TIMEOUT_MS);
afterAll(() => fleet.stopFleet());

/** Windows of one host: short if the deploy must fail, long if it must be confirmed. */
const within = (host: string, confirm: number, health: number) =>
  fault(host, `confirm_seconds = ${confirm}, health_seconds = ${health}`);

const backTo = "old system runs, all its units up; up exits non-zero naming";

const activation: readonly Row[] = [
  rollbackRow(
    `activation script fails: ${backTo} the command; next up tries again`,
    "box",
    fault("box", 'activation = "fail"'),
    "rolled-back at activate",
    /switch-to-configuration test \(exit 2\)/,
  ),
  rollbackRow(
    `a unit fails to start: ${backTo} the unit; next up tries again`,
    "db",
    fault("db", 'unit = "fail"'),
    "rolled-back at activate",
    /the following units failed: broken\.service/,
  ),
  rollbackRow(
    `a unit starts, and dies a second later: ${backTo} the unit; next up tries again`,
    "box",
    all(
      fault("box", 'unit = "crash"'),
      within("box", 30, 3),
      check(
        "box",
        "settled",
        "command",
        'command = "while systemctl is-active --quiet broken; do sleep 0.2; done"',
      ),
    ),
    "rolled-back at health",
    /failed units: broken\.service/,
  ),
];

const unhealthy = (host: string, kind: string, edit: (text: string) => string, names: RegExp): Row =>
  rollbackRow(
    `health check fails (${kind}): ${backTo} the check; next up tries again`,
    host,
    all(edit, within(host, 30, 3)),
    "rolled-back at health",
    names,
  );

const health: readonly Row[] = [
  unhealthy(
    "legacy",
    "HTTP",
    (text) => text.replace("[services.metrics]", "[services.metrics]\noptions = { status = 503 }"),
    /metrics \(http http:\/\/127\.0\.0\.1:9090\/\): status 503/,
  ),
  unhealthy(
    "db",
    "TCP",
    check("db", "port", "tcp", 'address = "127.0.0.1:5433"'),
    /port \(tcp 127\.0\.0\.1:5433\)/,
  ),
  unhealthy(
    "legacy",
    "command",
    check("legacy", "asked", "command", 'command = "echo not today; exit 3"'),
    /asked \(command .*not today/s,
  ),
  unhealthy(
    "spare",
    "unit",
    check("spare", "needed", "unit", 'unit = "absent.service"'),
    /needed \(unit absent\.service\): inactive/,
  ),
];

const unreachable = (row: string, host: string, setting: string): Row =>
  rollbackRow(
    row,
    host,
    all(fault(host, setting), within(host, 8, 20)),
    "rolled-back at confirm",
    /no confirmation over a new connection within 8 s/,
  );

const silent =
  "new system's sshd accepts and stays silent: no confirmation, old system back when the window ends";

const reachability: readonly Row[] = [
  unreachable(
    "new system stops sshd: no confirmation, rolled back when the window ends",
    "kit",
    'sshd = "stop"',
  ),
  unreachable(`${silent}; nothing on the runner hangs`, "ash", 'sshd = "silent"'),
  unreachable(
    "new system's firewall drops SSH: no confirmation, old system back when the window ends",
    "ash",
    'firewall = "drop-ssh"',
  ),
  unreachable(
    "new system takes the interface down: no confirmation, rolled back when the window ends",
    "fir",
    'network = "down"',
  ),
  // The prefix below makes ssh share connections; without the deployer's countermeasure every deploy
  // would be confirmed.
  unreachable("SSH multiplexing configured on the runner: no false confirmation", "elm", 'sshd = "stop"'),
  {
    title: "host unreachable before copy: bounded wait, named error; other hosts of the wave finish",
    host: "kit",
    act: async (row) => {
      const before = await row.hostState();
      await fleet.operate("kit", "stop");
      const shared = await row.up(
        all(change("kit", "kit, while off"), change("sun", "sun, beside a dead host")),
      );

      await row.expectEnd(shared, "failed at connect", /hint:.*does not answer/);
      expect(await shared.result("sun")).toMatchObject({
        outcome: "confirmed",
        running: await fleet.running("sun"),
      });
      expect(await shared.hostsToChange()).toContain("kit");
      await fleet.operate("kit", "start");
      await fleet.waitRolledBack("kit", before);
    },
  },
];

const canary: Row = {
  title: "3 waves, canary fails: later waves untouched and reported as held; same-wave hosts finish",
  host: "may",
  act: async (row) => {
    const later = ["may", "nut"] as const;
    const history = "cat /var/lib/pantheros/last /var/lib/pantheros/record";
    const facts = () =>
      Promise.all(
        later.map(async (host) => [await fleet.hostState(host), await fleet.onMachine(host, history)]),
      );
    const before = await facts();
    const shared = await row.up(all(...later.map((host) => change(host, `${host}, later wave`))));

    expectReported(await shared.run.end, "box: rolled-back at activate");
    await row.expectEnd(shared, "held: waits for ", /not touched/);
    expect(await shared.result("nut")).toMatchObject({
      outcome: "held",
      reason: expect.stringContaining("may (held)"),
    });
    expect((await shared.outputs()).hosts["nut"]).toMatchObject({ outcome: "held" });
    expect(await facts()).toEqual(before);
    // A healthy host of the canary's wave.
    expect(await shared.result("sun")).toMatchObject({ outcome: "confirmed" });
    expect(await shared.hostsToChange()).toEqual(expect.arrayContaining([...later]));
  },
};

const again: Row = {
  title:
    "same closure deployed twice, first attempt rolled back: the second attempt deploys and confirms again",
  host: "fig",
  act: async (row) => {
    const before = await row.hostState();
    const committed = async () =>
      (await fleet.onMachine("fig", "cat /var/lib/pantheros/committed")).output.trim();
    const first = await committed();
    const ready = all(
      check("fig", "ready", "command", 'command = "test -e /run/ready"'),
      within("fig", 30, 5),
    );
    await row.expectRolledBack(await row.up(ready), before, "rolled-back at health", /ready/);
    const attempted = await fleet.recordValue("fig", "wanted");
    const attempt = await fleet.recordValue("fig", "attempt");
    expect(await committed()).toBe(first);

    expectSuccess(await fleet.onMachine("fig", "touch /run/ready"));
    fleet.addToBaseline(ready);
    const second = await row.up(nothing);

    await row.expectEnd(second, "confirmed");
    expect(await fleet.running("fig")).toBe(attempted);
    expect(await fleet.recordValue("fig", "attempt")).not.toBe(attempt);
    expect(await committed()).toBe(`${await fleet.recordValue("fig", "token")} ${attempted}`);
    expect(await committed()).not.toBe(first);
    expect(await second.hostsToChange()).not.toContain("fig");
  },
};

const first: Row = {
  title: "first deploy to a machine never managed before: the recorded running system comes back",
  host: newcomer,
  act: async (row) => {
    const before = await row.hostState();
    expect(
      await fleet.onMachine(newcomer, "test -e /run/current-system/sw/bin/pantheros-supervisor"),
    ).toMatchObject({
      code: 1,
    });
    const joins = withMachines([newcomer], 21 + machines.length);
    const shared = await row.up(all(joins, fault(newcomer, 'unit = "fail"')));

    await row.expectRolledBack(shared, before, "rolled-back at activate", /broken\.service/);

    fleet.addToBaseline(joins);
    const second = await row.up(nothing);
    await row.expectEnd(second, "confirmed");
    expect((await row.hostState()).running).not.toBe(before.running);
    expect(await second.hostsToChange()).not.toContain(newcomer);
  },
};

describeRows(
  fleet,
  "the table of failures",
  [
    ...activation,
    ...health,
    // In the order of their runs: the machine must be off in the first one.
    ...[...reachability].reverse(),
    canary,
    again,
    first,
    ...interrupted,
    ...leaks,
  ],
  () => multiplexing(fleet.file("multiplexing")),
);
