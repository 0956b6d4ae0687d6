import {
  all,
  expectWell,
  fault,
  gated,
  generous,
  key,
  Rehearsal,
  until,
  windows,
  withMachines,
} from "./rehearsal.ts";
import { type Part, type Story, together } from "./together.ts";

jest.setTimeout(generous);

const fleet = new Rehearsal("reboot");

/** These a deploy may reboot; web and legacy it may not. */
const rebootable = ["db", "changed", "ill", "mute", "panicked"];

beforeAll(() =>
  fleet.raise(
    all(
      windows(30, 30),
      withMachines(rebootable.slice(1)),
      ...rebootable.map((host) => key(host, 'reboot = "allow"')),
    ),
  ),
);
afterAll(() => fleet.lower());

const kernel = (host: string, more = "") => fault(host, `kernel = "6.13"${more}`);
const dbus = (host: string) => fault(host, 'inhibitors = { dbus = "broker" }');

const read = async (host: string, command: string) => (await fleet.inside(host, command)).output.trim();
const bootId = (host: string) => read(host, "cat /proc/sys/kernel/random/boot_id");
const bootedOf = (host: string) => read(host, "readlink /run/booted-system");

test("switch inhibitor differs, or kernel changed: preview says that a reboot is needed, why, and what becomes of it", async () => {
  fleet.only(all(kernel("db"), dbus("changed"), dbus("web"), kernel("legacy")));
  const { output } = await fleet.pulumi("preview", "--color", "never");
  const said = (host: string) =>
    new RegExp(`${host}: a different system is wanted\\n(?: +.*\\n)*? +reboot +(.*)`).exec(output)?.[1];
  expect(said("db")).toBe("needed, up reboots the host: kernel linux-6.12 -> linux-6.13");
  expect(said("changed")).toBe("needed, up reboots the host: dbus-implementation dbus -> broker");
  expect(said("web")).toBe(
    "needed but not allowed, up stages the system for the next reboot: dbus-implementation dbus -> broker",
  );
  expect(said("legacy")).toBe(
    "needed for the kernel only but not allowed, the kernel waits for the next reboot: kernel linux-6.12 -> linux-6.13",
  );
});

/** What runs is what was wanted, came with a boot of its own, and is what boots. */
const through = (row: string, host: string, edit: (host: string) => ReturnType<typeof fault>): Story => ({
  row: `${row}: up commits to boot, reboots, then verifies boot id and system`,
  host,
  act: async (part: Part) => {
    const before = { ...(await part.moment()), id: await bootId(host) };
    const joint = await part.up(edit(host));
    await part.expectEnd(joint, "confirmed");
    const now = await part.moment();
    expect(now.running).not.toBe(before.running);
    expect([now.boots, await bootedOf(host)]).toEqual([now.running, now.running]);
    expect(await bootId(host)).not.toBe(before.id);
    expect((await joint.result(host)).booted).toBe(now.running);
    expect(await joint.wouldChange()).not.toContain(host);
  },
});

/** The host went to the new system, and came back by itself. */
const thereAndBack = (
  row: string,
  host: string,
  edit: ReturnType<typeof fault>,
  end: string,
  names: RegExp,
): Story => ({
  row: `${row}: the host makes the old system its boot default again and boots it`,
  host,
  act: async (part: Part) => {
    const before = await part.moment();
    const id = await bootId(host);
    const joint = await part.up(edit);
    await part.expectBack(joint, before, end, names);
    expect(await bootId(host)).not.toBe(id);
    expect(await bootedOf(host)).toBe(before.running);
  },
});

together(fleet, "a reboot is needed", [
  through("kernel changed, reboots allowed", "db", kernel),
  through("switch inhibitor differs, reboots allowed", "changed", dbus),
  {
    row: "switch inhibitor differs, reboots not allowed: committed to boot, quiet until somebody reboots; the next up confirms it",
    host: "web",
    act: async (part) => {
      const before = { ...(await part.moment()), id: await bootId("web") };
      const joint = await part.up(dbus("web"));
      await part.expectEnd(joint, "staged", /waits for a reboot.*dbus-implementation dbus -> broker/);
      const staged = await part.moment();
      expect(staged).toMatchObject({ running: before.running, serving: before.serving });
      expect(staged.boots).not.toBe(before.running);
      expect(await bootId("web")).toBe(before.id);
      expect(await joint.wouldChange()).not.toContain("web");

      await fleet.press("web", "reboot");
      await fleet.serves("web", "hello.service");
      expect(await fleet.running("web")).toBe(staged.boots);
      const after = await part.up(dbus("web"));
      await part.expectEnd(after, "confirmed");
      expect(await fleet.running("web")).toBe(staged.boots);
      expect(await after.wouldChange()).not.toContain("web");
      fleet.keep(dbus("web")); // a way back would wait for a reboot too
    },
  },
  {
    row: "kernel changed, reboots not allowed: switched live and confirmed, with a warning that the kernel waits",
    host: "legacy",
    act: async (part) => {
      const before = { ...(await part.moment()), id: await bootId("legacy") };
      const booted = await bootedOf("legacy");
      const joint = await part.up(kernel("legacy"));
      await part.expectEnd(
        joint,
        "confirmed",
        /takes effect at the next reboot: kernel linux-6\.12 -> linux-6\.13/,
      );
      const now = await part.moment();
      expect(now.running).not.toBe(before.running);
      expect(now.boots).toBe(now.running);
      expect(await bootedOf("legacy")).toBe(booted);
      expect(await bootId("legacy")).toBe(before.id);
      expect(await joint.wouldChange()).not.toContain("legacy");
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

test("runner killed during the reboot: the old system comes back by itself; next up converges", async () => {
  const before = await fleet.moment("db");
  fleet.only(all(kernel("db", ", health_seconds = 240"), gated("db")));
  const run = fleet.start();
  await until("db is on its way", 180, async () => {
    const phase = await fleet.supervisor("db", "phase").catch(() => "");
    return ["rebooting", "booting", "checking"].includes(phase) ? true : undefined;
  });
  run.kill();
  await run.end;
  await fleet.phase("db", "checking");
  await fleet.openGate("db"); // the new system is well, and nobody is there to confirm it
  await fleet.phase("db", "idle");
  await until("db's old system runs", 120, async () =>
    (await fleet.running("db").catch(() => "")) === before.running ? true : undefined,
  );
  await fleet.serves("db", "database.service");
  await fleet.isBack("db", before);
  expect(await bootedOf("db")).toBe(before.running);

  const again = fleet.start();
  await fleet.phase("db", "checking", again);
  const wanted = await fleet.running("db");
  expect(wanted).not.toBe(before.running);
  await fleet.openGate("db");
  expectWell(await again.end);
  await fleet.expectConfirmed();
  expect(await bootedOf("db")).toBe(wanted);
  expect(await fleet.changes()).toEqual([]);
  await fleet.mend();
});
