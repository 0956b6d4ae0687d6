import { interrupted } from "./interrupted.ts";
import { leaks } from "./leaks.ts";
import {
  all,
  change,
  check,
  expectTold,
  expectWell,
  fault,
  generous,
  key,
  multiplexing,
  nothing,
  Rehearsal,
  windows,
  withMachines,
} from "./rehearsal.ts";
import { back, type Story, together } from "./together.ts";

jest.setTimeout(generous);

const fleet = new Rehearsal("deploys");

const newcomer = "bay";
const machines = ["spare", "ash", "fir", "oak", "kit", "elm", "yew", "fig", "box", "may", "nut", "sun"];

/** The canaries are in wave 1, as all others; then may, then nut. */
const waves = all(key("may", "wave = 2"), key("nut", "wave = 3"));

beforeAll(async () => {
  await fleet.raise(all(windows(120, 60), withMachines([...machines, newcomer]), waves), "--no-deploy");
  // Machines there, and all but one in the fleet.
  fleet.keep((text) => text.slice(0, text.indexOf(`[hosts.${newcomer}]`)));
  fleet.only(nothing);
  expectWell(await fleet.up());
}, 2 * generous);
afterAll(() => fleet.lower());

/** Windows of one host: what shall fail need not take long, what shall be confirmed may. */
const within = (host: string, confirm: number, health: number) =>
  fault(host, `confirm_seconds = ${confirm}, health_seconds = ${health}`);

const backTo = "old system runs, all its units up; up exits non-zero naming";

const activation: readonly Story[] = [
  back(
    `activation script fails: ${backTo} the command; next up tries again`,
    "box",
    fault("box", 'activation = "fail"'),
    "rolled-back at activate",
    /switch-to-configuration test \(exit 2\)/,
  ),
  back(
    `a unit fails to start: ${backTo} the unit; next up tries again`,
    "db",
    fault("db", 'unit = "fail"'),
    "rolled-back at activate",
    /the following units failed: broken\.service/,
  ),
  back(
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

const unhealthy = (host: string, kind: string, edit: (text: string) => string, names: RegExp): Story =>
  back(
    `health check fails (${kind}): ${backTo} the check; next up tries again`,
    host,
    all(edit, within(host, 30, 3)),
    "rolled-back at health",
    names,
  );

const health: readonly Story[] = [
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

const unreachable = (row: string, host: string, setting: string): Story =>
  back(
    row,
    host,
    all(fault(host, setting), within(host, 8, 20)),
    "rolled-back at confirm",
    /no confirmation over a new connection within 8 s/,
  );

const silent =
  "new system's sshd accepts and stays silent: no confirmation, old system back when the window ends";

const reachability: readonly Story[] = [
  unreachable(
    "new system stops sshd: no confirmation, old system back when the window ends",
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
    "new system takes the interface down: no confirmation, old system back when the window ends",
    "fir",
    'network = "down"',
  ),
  // All of these runs are started with it, see below: without care every one would be confirmed.
  unreachable("SSH multiplexing configured on the runner: no false confirmation", "elm", 'sshd = "stop"'),
  {
    row: "host unreachable before copy: bounded wait, named error; other hosts of the wave finish",
    host: "kit",
    act: async (part) => {
      const before = await part.moment();
      await fleet.press("kit", "stop");
      const joint = await part.up(
        all(change("kit", "kit, while off"), change("sun", "sun, beside a dead host")),
      );

      await part.expectEnd(joint, "failed at connect", /hint:.*does not answer/);
      expect(await joint.result("sun")).toMatchObject({
        outcome: "confirmed",
        running: await fleet.running("sun"),
      });
      expect(await joint.wouldChange()).toContain("kit");
      await fleet.press("kit", "start");
      await fleet.isBack("kit", before);
    },
  },
];

const canary: Story = {
  row: "3 waves, canary fails: later waves untouched and reported as held; same-wave hosts finish",
  host: "may",
  act: async (part) => {
    const later = ["may", "nut"] as const;
    const history = "cat /var/lib/pantheros/last /var/lib/pantheros/record";
    const facts = () =>
      Promise.all(later.map(async (host) => [await fleet.moment(host), await fleet.inside(host, history)]));
    const before = await facts();
    const joint = await part.up(all(...later.map((host) => change(host, `${host}, later wave`))));

    expectTold(await joint.run.end, "box: rolled-back at activate");
    await part.expectEnd(joint, "held: waits for ", /not touched/);
    expect(await joint.result("nut")).toMatchObject({
      outcome: "held",
      reason: expect.stringContaining("may (held)"),
    });
    expect((await joint.outputs()).hosts["nut"]).toMatchObject({ outcome: "held" });
    expect(await facts()).toEqual(before);
    // Of the canary's wave, one that has nothing to fear.
    expect(await joint.result("sun")).toMatchObject({ outcome: "confirmed" });
    expect(await joint.wouldChange()).toEqual(expect.arrayContaining([...later]));
  },
};

const again: Story = {
  row: "same closure deployed twice, first attempt rolled back: second attempt is a real attempt, with a real confirmation",
  host: "fig",
  act: async (part) => {
    const before = await part.moment();
    const committed = async () =>
      (await fleet.inside("fig", "cat /var/lib/pantheros/committed")).output.trim();
    const first = await committed();
    const ready = all(
      check("fig", "ready", "command", 'command = "test -e /run/ready"'),
      within("fig", 30, 5),
    );
    await part.expectBack(await part.up(ready), before, "rolled-back at health", /ready/);
    const attempted = await fleet.supervisor("fig", "wanted");
    const attempt = await fleet.supervisor("fig", "attempt");
    expect(await committed()).toBe(first);

    expectWell(await fleet.inside("fig", "touch /run/ready"));
    fleet.keep(ready);
    const second = await part.up(nothing);

    await part.expectEnd(second, "confirmed");
    expect(await fleet.running("fig")).toBe(attempted);
    expect(await fleet.supervisor("fig", "attempt")).not.toBe(attempt);
    expect(await committed()).toBe(`${await fleet.supervisor("fig", "token")} ${attempted}`);
    expect(await committed()).not.toBe(first);
    expect(await second.wouldChange()).not.toContain("fig");
  },
};

const first: Story = {
  row: "first deploy to a machine never managed before: the recorded running system comes back",
  host: newcomer,
  act: async (part) => {
    const before = await part.moment();
    expect(
      await fleet.inside(newcomer, "test -e /run/current-system/sw/bin/pantheros-supervisor"),
    ).toMatchObject({
      code: 1,
    });
    const joins = withMachines([newcomer], 21 + machines.length);
    const joint = await part.up(all(joins, fault(newcomer, 'unit = "fail"')));

    await part.expectBack(joint, before, "rolled-back at activate", /broken\.service/);

    fleet.keep(joins);
    const second = await part.up(nothing);
    await part.expectEnd(second, "confirmed");
    expect((await part.moment()).running).not.toBe(before.running);
    expect(await second.wouldChange()).not.toContain(newcomer);
  },
};

together(
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
