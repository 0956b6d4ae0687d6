/** Rows in which something happens to the host, or on the way to it, while a deploy is under way. */
import { linkName } from "../../sandbox/network/names.ts";
import { ending } from "../sandbox/sandbox.ts";
import { all, change, expectWell, fault, gated, nothing, until } from "./rehearsal.ts";
import type { Part, Story } from "./together.ts";

/** A window that is open until somebody acts, since nobody can confirm. */
const lonely = (host: string) => fault(host, 'firewall = "drop-ssh", confirm_seconds = 180');

const reboots = (how: string, host: string, ...buttons: readonly string[]): Story => ({
  row: `machine ${how} inside the window: boots the old system; up reports it`,
  host,
  act: async (part) => {
    const { fleet } = part;
    const before = await part.moment();
    const joint = await part.begin(lonely(host));
    await fleet.phase(host, "waiting", joint.run);
    const inside = await part.moment();
    expect(inside.running).not.toBe(before.running);
    expect(inside.boots).toBe(before.boots);

    await fleet.press(host, ...buttons);

    await part.expectBack(joint, before, "rolled-back at waiting", /the machine rebooted while waiting/);
  },
});

/** The confirmed system runs, and neither the profile nor the boot loader names it: only a pin of the supervisor keeps it. */
const garbage: Story = {
  row: "garbage collection on the host inside the window: rollback target still there",
  host: "spare",
  act: async (part) => {
    const { fleet, host } = part;
    const unnamed = await fleet.running(host);
    const other = await fleet.supervisor(host, "wanted");
    expect(other).not.toBe(unnamed);
    const profile = "/nix/var/nix/profiles/system";
    const forget = [
      `nix-env -p ${profile} --set ${other}`,
      `${other}/bin/switch-to-configuration boot`,
      `nix-env -p ${profile} --delete-generations old`,
      "rm -f /nix/var/nix/gcroots/pantheros-previous",
    ];
    expectWell(await fleet.inside(host, forget.join(" && ")));
    const before = await part.moment();
    expect(before.running).toBe(unnamed);
    expect(before.boots).toBe(other);
    await fleet.closeGate(host);
    const joint = await part.begin(
      all(fault(host, 'firewall = "drop-ssh", health_seconds = 240, confirm_seconds = 5'), gated(host)),
    );
    await fleet.phase(host, "checking", joint.run);
    const added = await fleet.inside(host, "echo garbage >/tmp/garbage && nix-store --add /tmp/garbage");

    expectWell(await fleet.inside(host, "nix-collect-garbage -d"));

    const valid = (path: string) => fleet.inside(host, `nix-store --check-validity ${path}`);
    expect((await valid(added.output.trim())).code).not.toBe(0);
    expectWell(await valid(before.running));
    expectWell(await valid(await fleet.supervisor(host, "wanted")));
    await fleet.openGate(host);
    await part.expectBack(joint, before, "rolled-back at confirm", /no confirmation/);
  },
};

/** So many store paths of a quarter of a megabyte. */
const filler = (host: string, paths: number) => fault(host, `filler = { paths = ${paths}, bytes = 250000 }`);

const full: Story = {
  row: "disk full on the host during copy: clear error, old system untouched, other hosts finish",
  host: "oak",
  act: async (part) => {
    const { fleet, host } = part;
    await fleet.press(host, "fill");
    const before = await part.moment();
    const joint = await part.up(all(filler(host, 8), change("sun", "sun, beside a full disk")));

    await part.expectEnd(joint, "failed at copy", /No space left on device/, /hint:.*disk is full/);
    await fleet.isBack(host, before);
    expect((await joint.outputs()).hosts[host]?.closure).toBe(before.running);
    expect(await joint.result("sun")).toMatchObject({
      outcome: "confirmed",
      running: await fleet.running("sun"),
    });
    expect(await joint.wouldChange()).toContain(host);
    await fleet.press(host, "free");
  },
};

/** Bytes that went over the machine's link so far. */
async function received(part: Part): Promise<number> {
  const { output } = await part.fleet.inDriver("ip", "-s", "-j", "link", "show", linkName(part.host));
  const [link] = JSON.parse(output) as { stats64: { tx: { bytes: number } } }[];
  return link?.stats64.tx.bytes ?? Number.NaN;
}

const paths = 24;

const cut: Story = {
  row: "network cut during copy and again during activation: bounded wait, named error, old system runs; next up resumes",
  host: "yew",
  act: async (part) => {
    const { fleet, host } = part;
    const before = await part.moment();
    const arrived = async () => {
      const { output } = await fleet.inside(host, `ls /nix/store | grep -c -- '-filler-[0-9]*$'; true`);
      return Number(output.trim());
    };
    await fleet.press(host, "slow");
    const wanted = filler(host, paths);
    const joint = await part.begin(wanted);
    const half = await until("half of the closure is on the host", 400, async () => {
      const ended = joint.run.ended();
      if (ended !== undefined) throw new Error(`the run ended before: ${ending(ended.output)}`);
      const now = await arrived();
      // Too late for a cut during the copy: unplugged now, every row of this run would wait for this host.
      if (now === paths) throw new Error("the whole closure arrived before half of it was seen");
      return now >= paths / 2 ? now : undefined;
    });
    await fleet.press(host, "unplug");
    await part.expectEnd(joint, "failed at connect", /hint:.*does not answer/);
    await fleet.isBack(host, before);
    await fleet.press(host, "plug");

    const bytes = await received(part);
    await fleet.closeGate(host);
    fleet.keep(wanted);
    const second = await part.begin(
      all(gated(host), fault(host, "health_seconds = 240, confirm_seconds = 5")),
    );
    await fleet.phase(host, "checking", second.run);
    // What arrived before the cut is not sent again.
    expect(await arrived()).toBe(paths);
    const sent = (await received(part)) - bytes;
    expect(sent).toBeLessThan((paths - half + 1) * 250_000 + 1_500_000);
    expect(sent).toBeGreaterThan(250_000);
    await fleet.press(host, "unplug");
    await fleet.openGate(host);
    await fleet.phase(host, "waiting", second.run);
    await fleet.phase(host, "idle");
    await fleet.press(host, "plug");
    await part.expectBack(second, before, "rolled-back at confirm", /no confirmation/);

    const third = await part.up(nothing);
    await part.expectEnd(third, "confirmed");
    expect(await fleet.running(host)).not.toBe(before.running);
  },
};

export const interrupted: readonly Story[] = [
  reboots("reboots", "fir", "reboot"),
  reboots("loses its power", "oak", "cut", "start"),
  garbage,
  full,
  cut,
];
