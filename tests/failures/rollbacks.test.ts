/** Rollbacks under attack, on real hosts: other switches, stops, lost keys, full and read-only disks. */
import { givenSeed, killAtRandom } from "./kills.ts";
import {
  all,
  change,
  check,
  type Edit,
  expectReported,
  expectSuccess,
  fault,
  gated,
  nothing,
  Rehearsal,
  ROW_TIMEOUT_MS,
  until,
  windows,
  withMachines,
} from "./rehearsal.ts";
import { describeRows, isSelected, type Row, type RowContext, type SharedRun } from "./together.ts";

jest.setTimeout(ROW_TIMEOUT_MS);

const fleet = new Rehearsal("rollbacks");
const machines = ["ash", "fir", "oak", "elm", "yew", "fig", "kit", "sun", "box"];

beforeAll(
  () =>
    fleet.startFleet(
      all(windows(30, 60), withMachines(machines), (text) =>
        text.replace("[deploy]", "[deploy]\nswitch_seconds = 20"),
      ),
    ),
  2 * ROW_TIMEOUT_MS,
);
afterAll(() => fleet.stopFleet());

const unit = "pantheros-activation.service";
const state = "/var/lib/pantheros";
const bootId = "cat /proc/sys/kernel/random/boot_id";
const shell = async (row: RowContext, command: string): Promise<string> => {
  const ran = await row.fleet.onMachine(row.host, command);
  expectSuccess(ran);
  return ran.output.trim();
};
/** Expects the deploy user's keys to be those of this system. */
const keysAreOf = (row: RowContext, system: string) =>
  shell(row, `cmp ${system}/etc/ssh/authorized_keys.d/deploy /etc/ssh/authorized_keys.d/deploy`);

const locked: Row = {
  title:
    "NixOS' switch lock is held during the rollback of a system without SSH: the rollback waits, and succeeds",
  host: "ash",
  act: async (row) => {
    const before = await row.hostState();
    const shared = await row.begin(fault(row.host, 'firewall = "drop-ssh", confirm_seconds = 8'));
    await row.fleet.waitPhase(row.host, "waiting", shared.run);
    await shell(row, "systemd-run --quiet flock /run/nixos/switch-to-configuration.lock sleep 25");
    await row.expectRolledBack(shared, before, "rolled-back at confirm", /no confirmation/);
  },
};

const stopped: Row = {
  title:
    "the unit is stopped during a switch, and again during the rollback: no process of the switch is left, and the old system runs",
  host: "fir",
  act: async (row) => {
    const { fleet, host } = row;
    const before = await row.hostState();
    const shared = await row.begin(fault(host, 'activation = "hang", switch_seconds = 200'));
    await fleet.waitPhase(host, "switching", shared.run);
    const wanted = await fleet.recordValue(host, "wanted");
    const hanging = "pgrep -f '^sleep infinity$'";
    await until("the activation hangs", 60, async () =>
      (await fleet.onMachine(host, hanging)).code === 0 ? true : undefined,
    );
    // The rollback waits for the other process's switch, until that process is stopped.
    const lock = "/run/nixos/switch-to-configuration.lock";
    await shell(row, `systemd-run --quiet --unit=holder flock ${lock} sleep 1000`);
    const switches = `pgrep -f '[/]nix/store/${wanted.slice("/nix/store/".length)}/(activate|bin)'`;
    await shell(row, `${switches} && systemctl stop ${unit} && ! ${hanging} && ! ${switches}`);
    await fleet.waitPhase(host, "rolling-back", shared.run);
    const main = () => shell(row, `systemctl show -P MainPID ${unit}`);
    const first = await main();
    expect(Number(first)).toBeGreaterThan(0);
    await shell(row, `systemctl stop ${unit}`);
    await until("the rollback begins again", 60, async () =>
      ["0", first].includes(await main()) ? undefined : true,
    );
    expect(await fleet.recordValue(host, "phase")).toBe("rolling-back");
    await shell(row, "systemctl stop holder");
    await row.expectRolledBack(shared, before, "rolled-back at switching", /terminated while switching/);
    await keysAreOf(row, before.running);
  },
};

const lostKeys: Row = {
  title:
    "the deploy user's keys cannot be restored: not reported as rolled back, the machine reboots into the old system",
  host: "oak",
  act: async (row) => {
    const { fleet, host } = row;
    const before = await row.hostState();
    await fleet.closeGate(host);
    const shared = await row.begin(
      all(gated(host), fault(host, "health_seconds = 8, confirm_seconds = 5, switch_seconds = 5")),
    );
    await fleet.waitPhase(host, "checking", shared.run);
    const boot = await shell(row, bootId);
    const attempt = await fleet.recordValue(host, "attempt");
    const keys = "/etc/ssh/authorized_keys.d/deploy";
    await shell(row, `echo nobody >/run/nobody && mount --bind -o ro /run/nobody ${keys}`);
    // Reads the result before the check of the login.
    const ask = `cat ${state}/last; cat ${keys}; ${bootId}`;
    let shutOut = 0;
    await until("the machine has rebooted", 240, async () => {
      const { code, output } = await fleet.onMachine(host, ask);
      if (code !== 0) return undefined;
      const [last, found, now] = output.trim().split("\n");
      if (now !== boot) return true;
      if (found !== "nobody") return undefined;
      shutOut++;
      expect(last).not.toContain(attempt);
      return undefined;
    });
    expect(shutOut).toBeGreaterThan(0);
    await row.expectRolledBack(shared, before, "rolled-back at health", /gate/);
    await keysAreOf(row, before.running);
    expect(await shell(row, "readlink /run/booted-system")).toBe(before.running);
  },
};

const wrongTarget: Row = {
  title: "an unconfirmed system runs: the next deploy that fails rolls back to the confirmed one",
  host: "elm",
  act: async (row) => {
    const { fleet, host } = row;
    const before = await row.hostState();
    const first = await row.up(fault(host, 'unit = "fail"'));
    await row.expectRolledBack(first, before, "rolled-back at activate", /broken\.service/);
    const unconfirmed = await fleet.recordValue(host, "wanted");
    await fleet.onMachine(host, `${unconfirmed}/bin/switch-to-configuration test`);
    expect(await fleet.running(host)).toBe(unconfirmed);
    const second = await row.up(fault(host, 'activation = "fail"'));
    await row.expectEnd(second, "rolled-back at activate");
    await fleet.waitRolledBack(host, before);
  },
};

const readOnly: Row = {
  title:
    "the supervisor's directory is read-only in the window: the run ends, the old system runs, and deploys work once it is writable",
  host: "yew",
  act: async (row) => {
    const { fleet, host } = row;
    const before = await row.hostState();
    await fleet.closeGate(host);
    const shared = await row.begin(all(gated(host), change(host, "never seen")));
    await fleet.waitPhase(host, "checking", shared.run);
    await shell(row, `mount --bind ${state} ${state} && mount -o remount,ro,bind ${state}`);
    await fleet.openGate(host);
    await until("the old system runs", 120, async () =>
      (await fleet.running(host)) === before.running ? true : undefined,
    );
    await row.expectEnd(shared, "failed");
    await shell(row, `umount ${state}`);
    await fleet.waitPhase(host, "idle");
    await fleet.waitRolledBack(host, before);
    await row.expectEnd(await row.up(nothing), "confirmed");
  },
};

const unwritten: Row = {
  title: "a result that cannot be written: the failed deploy is not reported as confirmed",
  host: "fig",
  act: async (row) => {
    const before = await row.hostState();
    const last = `${state}/last`;
    await shell(row, `mv ${last} ${last}.kept && mkdir ${last} && touch ${last}/in-the-way`);
    const shared = await row.up(fault(row.host, 'unit = "fail"'));
    await row.expectEnd(shared, "failed at result");
    expect((await shared.run.end).code).toBeGreaterThan(0);
    await row.fleet.waitRolledBack(row.host, before);
    await shell(row, `rm -r ${last}`);
  },
};

/** Fills the machine's disk (/nix and the supervisor's directory) completely. */
const fillDisk = `set -eu
small=/run/full-disk daemon="nix-daemon.socket nix-daemon.service"
systemctl stop $daemon
mkdir $small && mount -t tmpfs -o mode=755 full $small
for part in nix var/lib/pantheros; do
  mkdir -p $small/$part && cp -a /$part/. $small/$part/ && mount --bind $small/$part /$part
done
systemctl start nix-daemon.socket
mount -o "remount,size=$(($(df --output=used -k $small | tail -n 1) + 65536))k" $small
! cat /dev/zero >$small/filler 2>/dev/null`;

/** Keeps the disk full until the run has ended, then frees it. */
async function onFullDisk(row: RowContext, phase: "checking" | "waiting", edit: Edit): Promise<SharedRun> {
  const { fleet, host } = row;
  if (phase === "checking") await fleet.closeGate(host);
  const shared = await row.begin(edit);
  await fleet.waitPhase(host, phase, shared.run);
  await shell(row, fillDisk);
  expect((await fleet.onMachine(host, `echo more >${state}/more`)).code).not.toBe(0);
  if (phase === "checking") await fleet.openGate(host);
  await shared.run.end;
  await fleet.waitPhase(host, "idle");
  await shell(row, "rm /run/full-disk/filler");
  return shared;
}

const full: readonly Row[] = [
  {
    title:
      "the disk fills up before the system is healthy: the true result is reported, and the next up converges",
    host: "sun",
    act: async (row) => {
      const { fleet, host } = row;
      const before = await row.hostState();
      const wanted = all(gated(host), fault(host, "confirm_seconds = 60"));
      const shared = await onFullDisk(row, "checking", wanted);
      const { outcome } = await shared.result(host);
      if (outcome === "confirmed") {
        await row.expectEnd(shared, "confirmed");
        const now = await row.hostState();
        expect(now.running).not.toBe(before.running);
        expect(now.boots).toBe(now.running);
      } else await row.expectRolledBack(shared, before, "rolled-back");
      const next = await row.up(nothing);
      await row.expectEnd(next, "confirmed");
      expect(await fleet.recordValue(host, "phase")).toBe("idle");
    },
  },
  {
    title:
      "the disk fills up in the window of a system without SSH: it is rolled back, and the next up converges",
    host: "box",
    act: async (row) => {
      const before = await row.hostState();
      const silent = fault(row.host, 'firewall = "drop-ssh", confirm_seconds = 15');
      const shared = await onFullDisk(row, "waiting", silent);
      await row.expectRolledBack(shared, before, "rolled-back at confirm", /no confirmation/);
      await row.expectEnd(await row.up(change(row.host, "box, with room")), "confirmed");
    },
  },
];

describeRows(fleet, "rollbacks", [locked, stopped, lostKeys, wrongTarget, readOnly, unwritten, ...full]);

const kills = Number(process.env["PANTHEROS_KILLS"] || 6);
const killed =
  "processes of the unit are killed at random moments: one of the two systems runs and boots, and the result is true";
(isSelected(killed) ? test : test.skip)(
  killed,
  async () => {
    const host = "kit";
    await fleet.ensureConverged();
    const first = await fleet.running(host);
    fleet.replaceEdit(
      all(check(host, "never", "command", 'command = "false"'), fault(host, "health_seconds = 2")),
    );
    expectReported(await fleet.up(), `${host}: rolled-back at health`);
    const failing = await fleet.recordValue(host, "wanted");
    fleet.replaceEdit(change(host, "kit, the other one"));
    expectSuccess(await fleet.up());
    const good = [first, await fleet.running(host)] as const;
    expect(new Set([...good, failing]).size).toBe(3);
    const seed = givenSeed();
    process.stderr.write(`${fleet.name}: PANTHEROS_SEED=${seed}\n`);

    await killAtRandom(fleet, host, { good, failing }, kills, seed);

    await fleet.repair();
  },
  ROW_TIMEOUT_MS + kills * 60_000,
);
