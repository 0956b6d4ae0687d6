/** Rows in which something happens to the host, or to its connection, during a deploy. */
import { linkName } from "../../sandbox/network/names.ts";
import { excerpt } from "../sandbox/sandbox.ts";
import { all, change, expectSuccess, fault, gated, nothing, until } from "./rehearsal.ts";
import type { Row, RowContext } from "./together.ts";

/** A window that stays open until the test acts, since nothing can confirm. */
const lonely = (host: string) => fault(host, 'firewall = "drop-ssh", confirm_seconds = 180');

const reboots = (how: string, host: string, ...buttons: readonly string[]): Row => ({
  title: `machine ${how} inside the window: boots the old system; up reports it`,
  host,
  act: async (row) => {
    const { fleet } = row;
    const before = await row.hostState();
    const shared = await row.begin(lonely(host));
    await fleet.waitPhase(host, "waiting", shared.run);
    const inside = await row.hostState();
    expect(inside.running).not.toBe(before.running);
    expect(inside.boots).toBe(before.boots);

    await fleet.operate(host, ...buttons);

    await row.expectRolledBack(
      shared,
      before,
      "rolled-back at waiting",
      /the machine rebooted while waiting/,
    );
  },
});

/** The confirmed system runs; only the supervisor's pin keeps it, not the profile or the boot loader. */
const garbage: Row = {
  title: "garbage collection on the host inside the window: rollback target still there",
  host: "spare",
  act: async (row) => {
    const { fleet, host } = row;
    const unnamed = await fleet.running(host);
    const other = await fleet.recordValue(host, "wanted");
    expect(other).not.toBe(unnamed);
    const profile = "/nix/var/nix/profiles/system";
    const forget = [
      `nix-env -p ${profile} --set ${other}`,
      `${other}/bin/switch-to-configuration boot`,
      `nix-env -p ${profile} --delete-generations old`,
      "rm -f /nix/var/nix/gcroots/pantheros-previous",
    ];
    expectSuccess(await fleet.onMachine(host, forget.join(" && ")));
    const before = await row.hostState();
    expect(before.running).toBe(unnamed);
    expect(before.boots).toBe(other);
    await fleet.closeGate(host);
    const shared = await row.begin(
      all(fault(host, 'firewall = "drop-ssh", health_seconds = 240, confirm_seconds = 5'), gated(host)),
    );
    await fleet.waitPhase(host, "checking", shared.run);
    const added = await fleet.onMachine(host, "echo garbage >/tmp/garbage && nix-store --add /tmp/garbage");

    expectSuccess(await fleet.onMachine(host, "nix-collect-garbage -d"));

    const valid = (path: string) => fleet.onMachine(host, `nix-store --check-validity ${path}`);
    expect((await valid(added.output.trim())).code).not.toBe(0);
    expectSuccess(await valid(before.running));
    expectSuccess(await valid(await fleet.recordValue(host, "wanted")));
    await fleet.openGate(host);
    await row.expectRolledBack(shared, before, "rolled-back at confirm", /no confirmation/);
  },
};

/** Adds store paths of a quarter of a megabyte each. */
const filler = (host: string, paths: number) => fault(host, `filler = { paths = ${paths}, bytes = 250000 }`);

const full: Row = {
  title: "disk full on the host during copy: clear error, old system untouched, other hosts finish",
  host: "oak",
  act: async (row) => {
    const { fleet, host } = row;
    await fleet.operate(host, "fill");
    const before = await row.hostState();
    const shared = await row.up(all(filler(host, 8), change("sun", "sun, beside a full disk")));

    await row.expectEnd(shared, "failed at copy", /No space left on device/, /hint:.*disk is full/);
    await fleet.waitRolledBack(host, before);
    expect((await shared.outputs()).hosts[host]?.closure).toBe(before.running);
    expect(await shared.result("sun")).toMatchObject({
      outcome: "confirmed",
      running: await fleet.running("sun"),
    });
    expect(await shared.hostsToChange()).toContain(host);
    await fleet.operate(host, "free");
  },
};

/** Bytes that the machine's link has transferred. */
async function received(row: RowContext): Promise<number> {
  const { output } = await row.fleet.inDriver("ip", "-s", "-j", "link", "show", linkName(row.host));
  const [link] = JSON.parse(output) as { stats64: { tx: { bytes: number } } }[];
  return link?.stats64.tx.bytes ?? Number.NaN;
}

const paths = 24;

const cut: Row = {
  title:
    "network cut during copy and again during activation: bounded wait, named error, old system runs; next up resumes",
  host: "yew",
  act: async (row) => {
    const { fleet, host } = row;
    const before = await row.hostState();
    const arrived = async () => {
      const { output } = await fleet.onMachine(host, `ls /nix/store | grep -c -- '-filler-[0-9]*$'; true`);
      return Number(output.trim());
    };
    await fleet.operate(host, "slow");
    const wanted = filler(host, paths);
    const shared = await row.begin(wanted);
    const half = await until("half of the closure is on the host", 400, async () => {
      const ended = shared.run.ended();
      if (ended !== undefined) throw new Error(`the run ended before: ${excerpt(ended.output)}`);
      const now = await arrived();
      // The copy has ended. Unplugging now would make every row of this run wait for this host.
      if (now === paths) throw new Error("the whole closure arrived before half of it was seen");
      return now >= paths / 2 ? now : undefined;
    });
    await fleet.operate(host, "unplug");
    await row.expectEnd(shared, "failed at connect", /hint:.*does not answer/);
    await fleet.waitRolledBack(host, before);
    await fleet.operate(host, "plug");

    const bytes = await received(row);
    await fleet.closeGate(host);
    fleet.addToBaseline(wanted);
    const second = await row.begin(
      all(gated(host), fault(host, "health_seconds = 240, confirm_seconds = 5")),
    );
    await fleet.waitPhase(host, "checking", second.run);
    // What arrived before the cut is not sent again.
    expect(await arrived()).toBe(paths);
    const sent = (await received(row)) - bytes;
    expect(sent).toBeLessThan((paths - half + 1) * 250_000 + 1_500_000);
    expect(sent).toBeGreaterThan(250_000);
    await fleet.operate(host, "unplug");
    await fleet.openGate(host);
    await fleet.waitPhase(host, "waiting", second.run);
    await fleet.waitPhase(host, "idle");
    await fleet.operate(host, "plug");
    await row.expectRolledBack(second, before, "rolled-back at confirm", /no confirmation/);

    const third = await row.up(nothing);
    await row.expectEnd(third, "confirmed");
    expect(await fleet.running(host)).not.toBe(before.running);
  },
};

export const interrupted: readonly Row[] = [
  reboots("reboots", "fir", "reboot"),
  reboots("loses its power", "oak", "cut", "start"),
  garbage,
  full,
  cut,
];
