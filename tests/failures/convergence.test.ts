import {
  all,
  change,
  expectTold,
  expectWell,
  fault,
  gated,
  generous,
  key,
  nothing,
  Rehearsal,
  until,
  windows,
  withMachines,
} from "./rehearsal.ts";
import { type Joint, type Part, type Story, together } from "./together.ts";

jest.setTimeout(generous);

const fleet = new Rehearsal("convergence");

const waves = all(key("fig", "wave = 2"), key("yew", "wave = 3"));

beforeAll(
  () => fleet.raise(all(windows(120, 60), withMachines(["spare", "oak", "ash", "fig", "yew"]), waves)),
  2 * generous,
);
afterAll(() => fleet.lower());

const wentWell = async (joint: Joint): Promise<void> => {
  expectWell(await joint.run.end);
};

/** Somebody at the machine makes it what it was before the last deploy. */
const drift = (
  row: string,
  host: string,
  says: RegExp,
  act: (part: Part, older: string) => Promise<void>,
): Story => ({
  row: `${row}: next preview shows the drift, next up repairs it, the one after that shows no change`,
  host,
  act: async (part) => {
    const older = await fleet.running(host);
    fleet.keep(change(host, `${host}, newer`));
    const joint = await part.up(nothing);
    await wentWell(joint);
    const wanted = await fleet.running(host);
    expect(wanted).not.toBe(older);

    await act(part, older);
    await part.others();
    expect(await joint.wouldChange()).toContain(host);
    expect((await joint.preview()).output).toMatch(says);

    const repaired = await part.up(nothing);
    await wentWell(repaired);
    await part.expectEnd(repaired, "confirmed");
    expect(await part.moment()).toMatchObject({ running: wanted, boots: wanted });
    await part.others();
    expect(await repaired.wouldChange()).not.toContain(host);
  },
});

const switched = (host: string, action: string, says: RegExp): Story =>
  drift(`somebody switched the host by hand (${action})`, host, says, async (part, older) => {
    const ran = await fleet.inside(host, `${older}/bin/switch-to-configuration ${action}`);
    expectWell(ran);
    const { running, boots } = await part.moment();
    expect([running, boots].filter((system) => system === older)).toHaveLength(action === "switch" ? 2 : 1);
  });

const rebooted = drift(
  "somebody rebooted into an older generation",
  "oak",
  /oak: .*\(drift\)/,
  async (part, older) => {
    expectWell(await fleet.inside("oak", `ln -sfn ${older} /boot/pantheros-default`));
    await fleet.press("oak", "reboot");
    await until("oak is back", 60, async () =>
      (await part.moment().catch(() => undefined))?.running === older ? true : undefined,
    );
  },
);

const bestEffort: Story = {
  row: "host unreachable before copy: best-effort hosts do not fail the run",
  host: "ash",
  act: async (part) => {
    const before = await part.moment();
    fleet.keep(all(key("ash", 'reachability = "best-effort"'), change("ash", "ash, while off")));
    await fleet.press("ash", "stop");
    const joint = await part.up(nothing);

    await wentWell(joint);
    await part.expectEnd(joint, "offline; not touched");
    expect(await joint.result("web")).toMatchObject({ outcome: "confirmed" });
    await part.others();
    expect(await joint.wouldChange()).not.toContain("ash");
    await fleet.press("ash", "start");
    await fleet.isBack("ash", before);
    const second = await part.up(nothing);
    await part.expectEnd(second, "confirmed");
    expect(await fleet.running("ash")).not.toBe(before.running);
  },
};

const supervisor = ["sudo", "-n", "/run/current-system/sw/bin/pantheros-supervisor"];

const twoRuns: Story = {
  row: "two runs against one host at once: the second is refused with a clear message; no half state",
  host: "db",
  act: async (part) => {
    await fleet.closeGate("db");
    fleet.keep(all(gated("db"), fault("db", "health_seconds = 240")));
    const joint = await part.begin(nothing);
    await fleet.phase("db", "checking", joint.run);
    const wanted = await fleet.running("db");

    const second = await fleet.up();
    expect(second.code).not.toBe(0);
    expect(second.output).toMatch(/the stack is currently locked by 1 lock\(s\)/);
    // And one that knows nothing of this stack's lock.
    const beside = await fleet.deployer("db", ...supervisor, "activate", wanted, "another-run");
    expect(beside.code).toBe(2);
    expect(beside.output).toMatch(/"outcome":"refused","step":"busy"/);
    expect(beside.output).toContain(`another activation is under way: checking ${wanted}`);
    const stranger = await fleet.deployer("db", ...supervisor, "confirm", "another-run");
    expect(stranger.code).toBe(2);
    expect(stranger.output).toMatch(/"outcome":"refused","step":"confirm"/);

    await fleet.openGate("db");
    await wentWell(joint);
    await part.expectEnd(joint, "confirmed");
    expect(await part.moment()).toMatchObject({ running: wanted, boots: wanted });
  },
};

const secondWave: Story = {
  row: "3 waves, the second fails: the first is confirmed, the third is held",
  host: "fig",
  act: async (part) => {
    // After the runs in which all waves go well.
    await part.up(nothing);
    await part.others();
    await part.up(nothing);
    await part.others();
    const before = await part.moment();
    const held = await fleet.moment("yew");
    const joint = await part.up(
      all(change("web", "web, canary"), fault("fig", 'unit = "fail"'), change("yew", "yew, last wave")),
    );

    await part.expectBack(joint, before, "rolled-back at activate", /broken\.service/);
    expectTold(await joint.run.end, "yew: held: waits for fig");
    expect(await joint.result("web")).toMatchObject({
      outcome: "confirmed",
      running: await fleet.running("web"),
    });
    expect((await joint.outputs()).hosts["yew"]).toMatchObject({ outcome: "held", closure: held.running });
    expect(await fleet.moment("yew")).toEqual(held);
  },
};

together(fleet, "convergence", [
  switched("web", "switch", /web: .*\(drift\)/),
  switched("legacy", "test", /legacy: .*\(drift\)/),
  switched("spare", "boot", /spare: it would boot a different system \(drift\)/),
  rebooted,
  bestEffort,
  twoRuns,
  secondWave,
]);

test("runner killed after activation, before confirmation: old system back; next up converges", async () => {
  await fleet.converged();
  const before = await fleet.moment("spare");
  await fleet.closeGate("spare");
  fleet.break(all(gated("spare"), fault("spare", "health_seconds = 240, confirm_seconds = 5")));
  const run = fleet.start();
  await fleet.phase("spare", "checking", run);
  const wanted = await fleet.running("spare");
  expect(wanted).not.toBe(before.running);

  run.kill();
  await run.end;
  await fleet.openGate("spare"); // the new system is well, and nobody is there to confirm it
  await fleet.phase("spare", "waiting");
  await fleet.phase("spare", "idle");
  await fleet.isBack("spare", before);

  expectWell(await fleet.up());
  expect(await fleet.running("spare")).toBe(wanted);
  await fleet.expectConfirmed();
  expect(await fleet.changes()).toEqual([]);
  await fleet.mend();
});

test("the program ends while a deploy is under way: the deploy is confirmed all the same; next up converges", async () => {
  await fleet.converged();
  await fleet.closeGate("spare");
  fleet.break(all(gated("spare"), fault("spare", "health_seconds = 240")));
  const run = fleet.start();
  await fleet.phase("spare", "checking", run);
  const wanted = await fleet.running("spare");

  run.killProgram();
  await fleet.openGate("spare");
  expect((await run.end).code).not.toBe(0);
  const status = await fleet.deployer("spare", ...supervisor, "status");
  expect(JSON.parse(status.output)).toMatchObject({ system: wanted, confirmed: true, phase: "idle" });
  expect(await fleet.wouldChange()).toEqual([]);

  expectWell(await fleet.up());
  await fleet.expectConfirmed();
  expect(await fleet.changes()).toEqual([]);
  await fleet.mend();
});
