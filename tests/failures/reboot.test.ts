import {
  all,
  expectSuccess,
  fault,
  gated,
  key,
  Rehearsal,
  ROW_TIMEOUT_MS,
  until,
  windows,
  withMachines,
} from "./rehearsal.ts";
import { describeRows, type Row, type RowContext } from "./together.ts";

jest.setTimeout(ROW_TIMEOUT_MS);

const fleet = new Rehearsal("reboot");

/** Hosts that a deploy may reboot; web and legacy may not be rebooted. */
const rebootable = ["db", "changed", "ill", "mute", "panicked"];

beforeAll(() =>
  fleet.startFleet(
    all(
      windows(30, 30),
      withMachines(rebootable.slice(1)),
      ...rebootable.map((host) => key(host, 'reboot = "allow"')),
    ),
  ),
);
afterAll(() => fleet.stopFleet());

const kernel = (host: string, more = "") => fault(host, `kernel = "6.13"${more}`);
const dbus = (host: string) => fault(host, 'inhibitors = { dbus = "broker" }');

const read = async (host: string, command: string) => (await fleet.onMachine(host, command)).output.trim();
const bootId = (host: string) => read(host, "cat /proc/sys/kernel/random/boot_id");
const bootedOf = (host: string) => read(host, "readlink /run/booted-system");

test("switch inhibitor differs, or kernel changed: preview shows the needed reboot, its reason and its effect", async () => {
  fleet.replaceEdit(all(kernel("db"), dbus("changed"), dbus("web"), kernel("legacy")));
  const { output } = await fleet.pulumi("preview", "--color", "never");
  const rebootLine = (host: string) =>
    new RegExp(`${host}: a different system is wanted\\n(?: +.*\\n)*? +reboot +(.*)`).exec(output)?.[1];
  expect(rebootLine("db")).toBe("needed, up reboots the host: kernel linux-6.12 -> linux-6.13");
  expect(rebootLine("changed")).toBe("needed, up reboots the host: dbus-implementation dbus -> broker");
  expect(rebootLine("web")).toBe(
    "needed but not allowed, up stages the system for the next reboot: dbus-implementation dbus -> broker",
  );
  expect(rebootLine("legacy")).toBe(
    "needed for the kernel only but not allowed, the kernel waits for the next reboot: kernel linux-6.12 -> linux-6.13",
  );
});

/** The wanted system runs since its own boot, and is the boot default. */
const through = (row: string, host: string, edit: (host: string) => ReturnType<typeof fault>): Row => ({
  title: `${row}: up commits to boot, reboots, then verifies boot id and system`,
  host,
  act: async (row: RowContext) => {
    const before = { ...(await row.hostState()), id: await bootId(host) };
    const shared = await row.up(edit(host));
    await row.expectEnd(shared, "confirmed");
    const now = await row.hostState();
    expect(now.running).not.toBe(before.running);
    expect([now.boots, await bootedOf(host)]).toEqual([now.running, now.running]);
    expect(await bootId(host)).not.toBe(before.id);
    expect((await shared.result(host)).booted).toBe(now.running);
    expect(await shared.hostsToChange()).not.toContain(host);
  },
});

/** The host booted the new system, and then the old one by itself. */
const thereAndBack = (
  row: string,
  host: string,
  edit: ReturnType<typeof fault>,
  end: string,
  names: RegExp,
): Row => ({
  title: `${row}: the host makes the old system its boot default again and boots it`,
  host,
  act: async (row: RowContext) => {
    const before = await row.hostState();
    const id = await bootId(host);
    const shared = await row.up(edit);
    await row.expectRolledBack(shared, before, end, names);
    expect(await bootId(host)).not.toBe(id);
    expect(await bootedOf(host)).toBe(before.running);
  },
});

describeRows(fleet, "a reboot is needed", [
  through("kernel changed, reboots allowed", "db", kernel),
  through("switch inhibitor differs, reboots allowed", "changed", dbus),
  {
    title:
      "switch inhibitor differs, reboots not allowed: committed to boot, no change until a reboot; the next up confirms it",
    host: "web",
    act: async (row) => {
      const before = { ...(await row.hostState()), id: await bootId("web") };
      const shared = await row.up(dbus("web"));
      await row.expectEnd(shared, "staged", /waits for a reboot.*dbus-implementation dbus -> broker/);
      const staged = await row.hostState();
      expect(staged).toMatchObject({ running: before.running, serving: before.serving });
      expect(staged.boots).not.toBe(before.running);
      expect(await bootId("web")).toBe(before.id);
      expect(await shared.hostsToChange()).not.toContain("web");

      await fleet.operate("web", "reboot");
      await fleet.waitServing("web", "hello.service");
      expect(await fleet.running("web")).toBe(staged.boots);
      const after = await row.up(dbus("web"));
      await row.expectEnd(after, "confirmed");
      expect(await fleet.running("web")).toBe(staged.boots);
      expect(await after.hostsToChange()).not.toContain("web");
      fleet.addToBaseline(dbus("web")); // a rollback would wait for a reboot too
    },
  },
  {
    title:
      "kernel changed, reboots not allowed: switched live and confirmed, with a warning that the kernel waits",
    host: "legacy",
    act: async (row) => {
      const before = { ...(await row.hostState()), id: await bootId("legacy") };
      const booted = await bootedOf("legacy");
      const shared = await row.up(kernel("legacy"));
      await row.expectEnd(
        shared,
        "confirmed",
        /takes effect at the next reboot: kernel linux-6\.12 -> linux-6\.13/,
      );
      const now = await row.hostState();
      expect(now.running).not.toBe(before.running);
      expect(now.boots).toBe(now.running);
      expect(await bootedOf("legacy")).toBe(booted);
      expect(await bootId("legacy")).toBe(before.id);
      expect(await shared.hostsToChange()).not.toContain("legacy");
    },
  },
  thereAndBack(
    "new system unhealthy after its boot",
    "ill",
    kernel("ill", ', unit = "fail"'),
    "rolled-back at health",
    /failed units: broken\.service/,
  ),
  thereAndBack(
    "new system's sshd silent after its boot",
    "mute",
    kernel("mute", ', sshd = "silent"'),
    "rolled-back at confirm",
    /no confirmation over a new connection/,
  ),
  thereAndBack(
    "new kernel panics",
    "panicked",
    kernel("panicked", ', boot = "panic"'),
    "rolled-back at reboot",
    /came up with .* instead of the new system/,
  ),
]);

test("runner killed during the reboot: the host rolls back by itself; next up converges", async () => {
  const before = await fleet.hostState("db");
  fleet.replaceEdit(all(kernel("db", ", health_seconds = 240"), gated("db")));
  const run = fleet.start();
  await until("db is on its way", 180, async () => {
    const phase = await fleet.recordValue("db", "phase").catch(() => "");
    return ["rebooting", "booting", "checking"].includes(phase) ? true : undefined;
  });
  run.kill();
  await run.end;
  await fleet.waitPhase("db", "checking");
  await fleet.openGate("db"); // the new system is healthy, and no runner is left to confirm it
  await fleet.waitPhase("db", "idle");
  await until("db's old system runs", 120, async () =>
    (await fleet.running("db").catch(() => "")) === before.running ? true : undefined,
  );
  await fleet.waitServing("db", "database.service");
  await fleet.waitRolledBack("db", before);
  expect(await bootedOf("db")).toBe(before.running);

  const again = fleet.start();
  await fleet.waitPhase("db", "checking", again);
  const wanted = await fleet.running("db");
  expect(wanted).not.toBe(before.running);
  await fleet.openGate("db");
  expectSuccess(await again.end);
  await fleet.expectConfirmed();
  expect(await bootedOf("db")).toBe(wanted);
  expect(await fleet.changes()).toEqual([]);
  await fleet.repair();
});
