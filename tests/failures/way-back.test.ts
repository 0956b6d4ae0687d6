/** The way back under attack, on real hosts: other switches, stops, lost keys, full and read-only disks. */
import { givenSeed, killAtRandom } from "./kills.ts";
import {
  all,
  change,
  check,
  type Edit,
  expectTold,
  expectWell,
  fault,
  gated,
  generous,
  nothing,
  Rehearsal,
  until,
  windows,
  withMachines,
} from "./rehearsal.ts";
import { chooses, type Joint, type Part, type Story, together } from "./together.ts";

jest.setTimeout(generous);

const fleet = new Rehearsal("way-back");
const machines = ["ash", "fir", "oak", "elm", "yew", "fig", "kit", "sun", "box"];

beforeAll(
  () =>
    fleet.raise(
      all(windows(30, 60), withMachines(machines), (text) =>
        text.replace("[deploy]", "[deploy]\nswitch_seconds = 20"),
      ),
    ),
  2 * generous,
);
afterAll(() => fleet.lower());

const unit = "pantheros-activation.service";
const state = "/var/lib/pantheros";
const bootId = "cat /proc/sys/kernel/random/boot_id";
const shell = async (part: Part, command: string): Promise<string> => {
  const ran = await part.fleet.inside(part.host, command);
  expectWell(ran);
  return ran.output.trim();
};
/** The deploy user's keys are those of this system. */
const keysAreOf = (part: Part, system: string) =>
  shell(part, `cmp ${system}/etc/ssh/authorized_keys.d/deploy /etc/ssh/authorized_keys.d/deploy`);

const locked: Story = {
  row: "NixOS' switch lock is held when a system without SSH goes back: it waits, and the old system comes back",
  host: "ash",
  act: async (part) => {
    const before = await part.moment();
    const joint = await part.begin(fault(part.host, 'firewall = "drop-ssh", confirm_seconds = 8'));
    await part.fleet.phase(part.host, "waiting", joint.run);
    await shell(part, "systemd-run --quiet flock /run/nixos/switch-to-configuration.lock sleep 25");
    await part.expectBack(joint, before, "rolled-back at confirm", /no confirmation/);
  },
};

const stopped: Story = {
  row: "the unit is stopped in the middle of a switch, and again on the way back: nothing of the switch is alive, and the old system comes back",
  host: "fir",
  act: async (part) => {
    const { fleet, host } = part;
    const before = await part.moment();
    const joint = await part.begin(fault(host, 'activation = "hang", switch_seconds = 200'));
    await fleet.phase(host, "switching", joint.run);
    const wanted = await fleet.supervisor(host, "wanted");
    const hanging = "pgrep -f '^sleep infinity$'";
    await until("the activation hangs", 60, async () =>
      (await fleet.inside(host, hanging)).code === 0 ? true : undefined,
    );
    // The way back waits for this switch of somebody else's, until the holder is stopped.
    const lock = "/run/nixos/switch-to-configuration.lock";
    await shell(part, `systemd-run --quiet --unit=holder flock ${lock} sleep 1000`);
    const switches = `pgrep -f '[/]nix/store/${wanted.slice("/nix/store/".length)}/(activate|bin)'`;
    await shell(part, `${switches} && systemctl stop ${unit} && ! ${hanging} && ! ${switches}`);
    await fleet.phase(host, "rolling-back", joint.run);
    const main = () => shell(part, `systemctl show -P MainPID ${unit}`);
    const first = await main();
    expect(Number(first)).toBeGreaterThan(0);
    await shell(part, `systemctl stop ${unit}`);
    await until("the way back begins again", 60, async () =>
      ["0", first].includes(await main()) ? undefined : true,
    );
    expect(await fleet.supervisor(host, "phase")).toBe("rolling-back");
    await shell(part, "systemctl stop holder");
    await part.expectBack(joint, before, "rolled-back at switching", /terminated while switching/);
    await keysAreOf(part, before.running);
  },
};

const lostKeys: Story = {
  row: "the deploy user's keys do not come back: not told as rolled back, the machine reboots into the old system",
  host: "oak",
  act: async (part) => {
    const { fleet, host } = part;
    const before = await part.moment();
    await fleet.closeGate(host);
    const joint = await part.begin(
      all(gated(host), fault(host, "health_seconds = 8, confirm_seconds = 5, switch_seconds = 5")),
    );
    await fleet.phase(host, "checking", joint.run);
    const boot = await shell(part, bootId);
    const attempt = await fleet.supervisor(host, "attempt");
    const keys = "/etc/ssh/authorized_keys.d/deploy";
    await shell(part, `echo nobody >/run/nobody && mount --bind -o ro /run/nobody ${keys}`);
    // What is told is read before it is seen whether anybody can log in.
    const ask = `cat ${state}/last; cat ${keys}; ${bootId}`;
    let shutOut = 0;
    await until("the machine has rebooted", 240, async () => {
      const { code, output } = await fleet.inside(host, ask);
      if (code !== 0) return undefined;
      const [last, found, now] = output.trim().split("\n");
      if (now !== boot) return true;
      if (found !== "nobody") return undefined;
      shutOut++;
      expect(last).not.toContain(attempt);
      return undefined;
    });
    expect(shutOut).toBeGreaterThan(0);
    await part.expectBack(joint, before, "rolled-back at health", /gate/);
    await keysAreOf(part, before.running);
    expect(await shell(part, "readlink /run/booted-system")).toBe(before.running);
  },
};

const wrongTarget: Story = {
  row: "an unconfirmed system runs: the next deploy that fails goes back to the confirmed one",
  host: "elm",
  act: async (part) => {
    const { fleet, host } = part;
    const before = await part.moment();
    const first = await part.up(fault(host, 'unit = "fail"'));
    await part.expectBack(first, before, "rolled-back at activate", /broken\.service/);
    const unconfirmed = await fleet.supervisor(host, "wanted");
    await fleet.inside(host, `${unconfirmed}/bin/switch-to-configuration test`);
    expect(await fleet.running(host)).toBe(unconfirmed);
    const second = await part.up(fault(host, 'activation = "fail"'));
    await part.expectEnd(second, "rolled-back at activate");
    await fleet.isBack(host, before);
  },
};

const readOnly: Story = {
  row: "the supervisor's directory is read-only in the window: the run ends, the old system runs, and all is well once it is writable",
  host: "yew",
  act: async (part) => {
    const { fleet, host } = part;
    const before = await part.moment();
    await fleet.closeGate(host);
    const joint = await part.begin(all(gated(host), change(host, "never seen")));
    await fleet.phase(host, "checking", joint.run);
    await shell(part, `mount --bind ${state} ${state} && mount -o remount,ro,bind ${state}`);
    await fleet.openGate(host);
    await until("the old system runs", 120, async () =>
      (await fleet.running(host)) === before.running ? true : undefined,
    );
    await part.expectEnd(joint, "failed");
    await shell(part, `umount ${state}`);
    await fleet.phase(host, "idle");
    await fleet.isBack(host, before);
    await part.expectEnd(await part.up(nothing), "confirmed");
  },
};

const unwritten: Story = {
  row: "a result that cannot be written is no success: what failed does not end as confirmed",
  host: "fig",
  act: async (part) => {
    const before = await part.moment();
    const last = `${state}/last`;
    await shell(part, `mv ${last} ${last}.kept && mkdir ${last} && touch ${last}/in-the-way`);
    const joint = await part.up(fault(part.host, 'unit = "fail"'));
    await part.expectEnd(joint, "failed at result");
    expect((await joint.run.end).code).toBeGreaterThan(0);
    await part.fleet.isBack(part.host, before);
    await shell(part, `rm -r ${last}`);
  },
};

/** From here on the machine's disk (/nix and the supervisor's directory, with what they hold) has no byte left. */
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

/** The disk is full until the run has ended; then somebody makes room. */
async function onFullDisk(part: Part, phase: "checking" | "waiting", edit: Edit): Promise<Joint> {
  const { fleet, host } = part;
  if (phase === "checking") await fleet.closeGate(host);
  const joint = await part.begin(edit);
  await fleet.phase(host, phase, joint.run);
  await shell(part, fillDisk);
  expect((await fleet.inside(host, `echo more >${state}/more`)).code).not.toBe(0);
  if (phase === "checking") await fleet.openGate(host);
  await joint.run.end;
  await fleet.phase(host, "idle");
  await shell(part, "rm /run/full-disk/filler");
  return joint;
}

const full: readonly Story[] = [
  {
    row: "the disk fills up before the system is healthy: the end is told as it is, and the next up converges",
    host: "sun",
    act: async (part) => {
      const { fleet, host } = part;
      const before = await part.moment();
      const wanted = all(gated(host), fault(host, "confirm_seconds = 60"));
      const joint = await onFullDisk(part, "checking", wanted);
      const { outcome } = await joint.result(host);
      if (outcome === "confirmed") {
        await part.expectEnd(joint, "confirmed");
        const now = await part.moment();
        expect(now.running).not.toBe(before.running);
        expect(now.boots).toBe(now.running);
      } else await part.expectBack(joint, before, "rolled-back");
      const next = await part.up(nothing);
      await part.expectEnd(next, "confirmed");
      expect(await fleet.supervisor(host, "phase")).toBe("idle");
    },
  },
  {
    row: "the disk fills up in the window of a system without SSH: the old system comes back, and the next up converges",
    host: "box",
    act: async (part) => {
      const before = await part.moment();
      const silent = fault(part.host, 'firewall = "drop-ssh", confirm_seconds = 15');
      const joint = await onFullDisk(part, "waiting", silent);
      await part.expectBack(joint, before, "rolled-back at confirm", /no confirmation/);
      await part.expectEnd(await part.up(change(part.host, "box, with room")), "confirmed");
    },
  },
];

together(fleet, "the way back", [locked, stopped, lostKeys, wrongTarget, readOnly, unwritten, ...full]);

const kills = Number(process.env["PANTHEROS_KILLS"] || 6);
const killed =
  "processes of the unit are killed at random moments: one of the two systems runs and boots, and what is told is true";
(chooses(killed) ? test : test.skip)(
  killed,
  async () => {
    const host = "kit";
    await fleet.converged();
    const first = await fleet.running(host);
    fleet.only(all(check(host, "never", "command", 'command = "false"'), fault(host, "health_seconds = 2")));
    expectTold(await fleet.up(), `${host}: rolled-back at health`);
    const failing = await fleet.supervisor(host, "wanted");
    fleet.only(change(host, "kit, the other one"));
    expectWell(await fleet.up());
    const good = [first, await fleet.running(host)] as const;
    expect(new Set([...good, failing]).size).toBe(3);
    const seed = givenSeed();
    process.stderr.write(`${fleet.name}: PANTHEROS_SEED=${seed}\n`);

    await killAtRandom(fleet, host, { good, failing }, kills, seed);

    await fleet.mend();
  },
  generous + kills * 60_000,
);
