import {
  all,
  check,
  expectTold,
  fault,
  generous,
  Rehearsal,
  type Row,
  rehearse,
  shown,
  windows,
  withSpare,
} from "./rehearsal.ts";

jest.setTimeout(generous);

const fleet = new Rehearsal("activation");

beforeAll(() => fleet.raise(all(windows(5, 5), withSpare), "--no-deploy"));
afterAll(() => fleet.lower());

test("first deploy to a machine never managed before: the recorded running system comes back", async () => {
  await fleet.serves("legacy", "metrics.service");
  const before = await fleet.moment("legacy");
  const profile = "readlink -f /boot/pantheros-default";
  const boots = (await fleet.inside("legacy", profile)).output;
  fleet.break(fault("legacy", 'unit = "fail"'));

  expectTold(await fleet.up(), "legacy: rolled-back at activate", /broken\.service/);

  await fleet.expectBack("legacy", before);
  expect((await fleet.inside("legacy", profile)).output).toBe(boots);
  await fleet.expectConfirmed("legacy");
  await fleet.mend();
  expect((await fleet.moment("legacy")).running).not.toBe(before.running);
});

const backTo = "old system runs, all its units up; up names the unit or command";

rehearse(fleet, "the activation fails", [
  {
    row: `activation script fails: ${backTo}`,
    host: "web",
    edit: fault("web", 'activation = "fail"'),
    end: "rolled-back at activate",
    names: /switch-to-configuration test \(exit 2\)/,
  },
  {
    row: `a unit fails to start: ${backTo}`,
    host: "db",
    edit: fault("db", 'unit = "fail"'),
    end: "rolled-back at activate",
    names: /the following units failed: broken\.service/,
  },
  {
    row: `a unit starts, and dies a second later: ${backTo}`,
    host: "legacy",
    edit: all(
      fault("legacy", 'unit = "crash"'),
      check("legacy", "settled", "command", 'command = "sleep 2"'),
    ),
    end: "rolled-back at health",
    names: /failed units: broken\.service/,
  },
]);

const unhealthy = (host: string, kind: string, edit: (text: string) => string, names: RegExp): Row => ({
  row: `health check fails (${kind}): old system runs, all its units up; up names the check`,
  host,
  edit,
  end: "rolled-back at health",
  names,
});

rehearse(fleet, "a health check fails", [
  unhealthy(
    "web",
    "HTTP",
    (text) => text.replace("[services.hello]", "[services.hello]\noptions = { status = 503 }"),
    /hello \(http http:\/\/127\.0\.0\.1:8080\/\): status 503/,
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
]);

describe("rows that begin from a converged fleet", () => {
  beforeEach(() => fleet.converged());

  test("same closure deployed twice, first attempt rolled back: the second is a real attempt with a real confirmation", async () => {
    const before = await fleet.moment("db");
    const token = async () => (await fleet.inside("db", "cat /var/lib/pantheros/committed")).output.trim();
    const first = await token();
    fleet.break(check("db", "ready", "command", 'command = "test -e /run/ready"'));
    expectTold(await fleet.up(), "db: rolled-back at health", /ready/);
    await fleet.expectBack("db", before);
    const attempted = await fleet.supervisor("db", "wanted");
    const attempt = await fleet.supervisor("db", "attempt");
    expect(await token()).toBe(first);

    expect(await fleet.inside("db", "touch /run/ready")).toMatchObject({ code: 0 });
    expect(shown(await fleet.up())).toMatchObject({ code: 0 });

    await fleet.expectConfirmed();
    expect(await fleet.running("db")).toBe(attempted);
    expect(await fleet.supervisor("db", "attempt")).not.toBe(attempt);
    expect(await token()).toBe(`${await fleet.supervisor("db", "token")} ${attempted}`);
    expect(await token()).not.toBe(first);
    expect(await fleet.changes()).toEqual([]);
    await fleet.mend();
  });
});
