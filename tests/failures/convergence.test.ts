import {
  all,
  change,
  expectReported,
  expectSuccess,
  fault,
  gated,
  key,
  nothing,
  Rehearsal,
  ROW_TIMEOUT_MS,
  until,
  windows,
  withMachines,
} from "./rehearsal.ts";
import { describeRows, type Row, type RowContext, type SharedRun } from "./together.ts";

jest.setTimeout(ROW_TIMEOUT_MS);

const fleet = new Rehearsal("convergence");

const waves = all(key("fig", "wave = 2"), key("yew", "wave = 3"));

beforeAll(
  () => fleet.startFleet(all(windows(120, 60), withMachines(["spare", "oak", "ash", "fig", "yew"]), waves)),
  2 * ROW_TIMEOUT_MS,
);
afterAll(() => fleet.stopFleet());

const wentWell = async (shared: SharedRun): Promise<void> => {
  expectSuccess(await shared.run.end);
};

/** Restores a host's state from before the last deploy by hand. */
const drift = (
  row: string,
  host: string,
  says: RegExp,
  act: (row: RowContext, older: string) => Promise<void>,
): Row => ({
  title: `${row}: next preview shows the drift, next up repairs it, the one after that shows no change`,
  host,
  act: async (row) => {
    const older = await fleet.running(host);
    fleet.addToBaseline(change(host, `${host}, newer`));
    const shared = await row.up(nothing);
    await wentWell(shared);
    const wanted = await fleet.running(host);
    expect(wanted).not.toBe(older);

    await act(row, older);
    await row.othersReady();
    expect(await shared.hostsToChange()).toContain(host);
    expect((await shared.preview()).output).toMatch(says);

    const repaired = await row.up(nothing);
    await wentWell(repaired);
    await row.expectEnd(repaired, "confirmed");
    expect(await row.hostState()).toMatchObject({ running: wanted, boots: wanted });
    await row.othersReady();
    expect(await repaired.hostsToChange()).not.toContain(host);
  },
});

const switched = (host: string, action: string, says: RegExp): Row =>
  drift(`the host was switched by hand (${action})`, host, says, async (row, older) => {
    const ran = await fleet.onMachine(host, `${older}/bin/switch-to-configuration ${action}`);
    expectSuccess(ran);
    const { running, boots } = await row.hostState();
    expect([running, boots].filter((system) => system === older)).toHaveLength(action === "switch" ? 2 : 1);
  });

const rebooted = drift(
  "a reboot into an older generation by hand",
  "oak",
  /oak: .*\(drift\)/,
  async (row, older) => {
    expectSuccess(await fleet.onMachine("oak", `ln -sfn ${older} /boot/pantheros-default`));
    await fleet.operate("oak", "reboot");
    await until("oak is back", 60, async () =>
      (await row.hostState().catch(() => undefined))?.running === older ? true : undefined,
    );
  },
);

const bestEffort: Row = {
  title: "host unreachable before copy: best-effort hosts do not fail the run",
  host: "ash",
  act: async (row) => {
    const before = await row.hostState();
    fleet.addToBaseline(all(key("ash", 'reachability = "best-effort"'), change("ash", "ash, while off")));
    await fleet.operate("ash", "stop");
    const shared = await row.up(nothing);

    await wentWell(shared);
    await row.expectEnd(shared, "offline; not touched");
    expect(await shared.result("web")).toMatchObject({ outcome: "confirmed" });
    await row.othersReady();
    expect(await shared.hostsToChange()).not.toContain("ash");
    await fleet.operate("ash", "start");
    await fleet.waitRolledBack("ash", before);
    const second = await row.up(nothing);
    await row.expectEnd(second, "confirmed");
    expect(await fleet.running("ash")).not.toBe(before.running);
  },
};

const supervisor = ["sudo", "-n", "/run/current-system/sw/bin/pantheros-supervisor"];

const twoRuns: Row = {
  title: "two runs against one host at once: the second is refused with a clear message; no half state",
  host: "db",
  act: async (row) => {
    await fleet.closeGate("db");
    fleet.addToBaseline(all(gated("db"), fault("db", "health_seconds = 240")));
    const shared = await row.begin(nothing);
    await fleet.waitPhase("db", "checking", shared.run);
    const wanted = await fleet.running("db");

    const second = await fleet.up();
    expect(second.code).not.toBe(0);
    expect(second.output).toMatch(/the stack is currently locked by 1 lock\(s\)/);
    // A runner that does not use this stack's lock.
    const beside = await fleet.asDeployUser("db", ...supervisor, "activate", wanted, "another-run");
    expect(beside.code).toBe(2);
    expect(beside.output).toMatch(/"outcome":"refused","step":"busy"/);
    expect(beside.output).toContain(`another activation is under way: checking ${wanted}`);
    const stranger = await fleet.asDeployUser("db", ...supervisor, "confirm", "another-run");
    expect(stranger.code).toBe(2);
    expect(stranger.output).toMatch(/"outcome":"refused","step":"confirm"/);

    await fleet.openGate("db");
    await wentWell(shared);
    await row.expectEnd(shared, "confirmed");
    expect(await row.hostState()).toMatchObject({ running: wanted, boots: wanted });
  },
};

const secondWave: Row = {
  title: "3 waves, the second fails: the first is confirmed, the third is held",
  host: "fig",
  act: async (row) => {
    // It waits for the runs in which all waves converge.
    await row.up(nothing);
    await row.othersReady();
    await row.up(nothing);
    await row.othersReady();
    const before = await row.hostState();
    const held = await fleet.hostState("yew");
    const shared = await row.up(
      all(change("web", "web, canary"), fault("fig", 'unit = "fail"'), change("yew", "yew, last wave")),
    );

    await row.expectRolledBack(shared, before, "rolled-back at activate", /broken\.service/);
    expectReported(await shared.run.end, "yew: held: waits for fig");
    expect(await shared.result("web")).toMatchObject({
      outcome: "confirmed",
      running: await fleet.running("web"),
    });
    expect((await shared.outputs()).hosts["yew"]).toMatchObject({ outcome: "held", closure: held.running });
    expect(await fleet.hostState("yew")).toEqual(held);
  },
};

describeRows(fleet, "convergence", [
  switched("web", "switch", /web: .*\(drift\)/),
  switched("legacy", "test", /legacy: .*\(drift\)/),
  switched("spare", "boot", /spare: it would boot a different system \(drift\)/),
  rebooted,
  bestEffort,
  twoRuns,
  secondWave,
]);

test("runner killed after activation, before confirmation: the host rolls back; next up converges", async () => {
  await fleet.ensureConverged();
  const before = await fleet.hostState("spare");
  await fleet.closeGate("spare");
  fleet.break(all(gated("spare"), fault("spare", "health_seconds = 240, confirm_seconds = 5")));
  const run = fleet.start();
  await fleet.waitPhase("spare", "checking", run);
  const wanted = await fleet.running("spare");
  expect(wanted).not.toBe(before.running);

  run.kill();
  await run.end;
  await fleet.openGate("spare"); // the new system is healthy, and no runner is left to confirm it
  await fleet.waitPhase("spare", "waiting");
  await fleet.waitPhase("spare", "idle");
  await fleet.waitRolledBack("spare", before);

  expectSuccess(await fleet.up());
  expect(await fleet.running("spare")).toBe(wanted);
  await fleet.expectConfirmed();
  expect(await fleet.changes()).toEqual([]);
  await fleet.repair();
});

test("the program ends during a deploy: the deploy is still confirmed; next up converges", async () => {
  await fleet.ensureConverged();
  await fleet.closeGate("spare");
  fleet.break(all(gated("spare"), fault("spare", "health_seconds = 240")));
  const run = fleet.start();
  await fleet.waitPhase("spare", "checking", run);
  const wanted = await fleet.running("spare");

  run.killProgram();
  await fleet.openGate("spare");
  expect((await run.end).code).not.toBe(0);
  const status = await fleet.asDeployUser("spare", ...supervisor, "status");
  expect(JSON.parse(status.output)).toMatchObject({ system: wanted, confirmed: true, phase: "idle" });
  expect(await fleet.hostsToChange()).toEqual([]);

  expectSuccess(await fleet.up());
  await fleet.expectConfirmed();
  expect(await fleet.changes()).toEqual([]);
  await fleet.repair();
});
