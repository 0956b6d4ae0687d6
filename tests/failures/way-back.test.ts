/** The way back under attack, on real hosts: other switches, stops, lost keys, full and read-only disks. */
import {
  all,
  change,
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
import { type Part, type Story, together } from "./together.ts";

jest.setTimeout(generous);

const fleet = new Rehearsal("way-back");
const machines = ["ash", "fir", "oak", "elm", "yew", "fig"];

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
    await part.expectBack(joint, before, "rolled-back at confirm", /nobody confirmed/);
  },
};

const stopped: Story = {
  row: "the unit is stopped in the middle of a switch: nothing of it is alive, and the old system comes back",
  host: "fir",
  act: async (part) => {
    const { fleet, host } = part;
    const before = await part.moment();
    const joint = await part.begin(fault(host, 'activation = "hang", switch_seconds = 200'));
    await fleet.phase(host, "switching", joint.run);
    const hanging = `pgrep -f '^sleep infinity$'`;
    await until("the activation hangs", 60, async () =>
      (await fleet.inside(host, hanging)).code === 0 ? true : undefined,
    );
    // What it began with is the new system's.
    await shell(part, `systemctl stop ${unit}; ! ${hanging}`);
    await part.expectBack(joint, before, "rolled-back at switching", /ended while switching/);
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
    const boot = await shell(part, "cat /proc/sys/kernel/random/boot_id");
    const keys = "/etc/ssh/authorized_keys.d/deploy";
    await shell(part, `echo nobody >/run/nobody; mount --bind /run/nobody ${keys}`);
    await part.expectBack(joint, before, "rolled-back at health", /gate/);
    await keysAreOf(part, before.running);
    expect(await shell(part, "findmnt -n /etc/ssh/authorized_keys.d/deploy || echo gone")).toBe("gone");
    expect(await shell(part, "cat /proc/sys/kernel/random/boot_id")).not.toBe(boot); // it rebooted
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
    const state = "/var/lib/pantheros";
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
    const last = "/var/lib/pantheros/last";
    await shell(part, `mv ${last} ${last}.kept && mkdir ${last} && touch ${last}/in-the-way`);
    const joint = await part.up(fault(part.host, 'unit = "fail"'));
    await part.expectEnd(joint, "failed at result");
    expect((await joint.run.end).code).toBeGreaterThan(0);
    await part.fleet.isBack(part.host, before);
    await shell(part, `rm -r ${last}`);
  },
};

together(fleet, "the way back", [locked, stopped, lostKeys, wrongTarget, readOnly, unwritten]);
