import {
  all,
  change,
  expectTold,
  fault,
  gated,
  generous,
  Rehearsal,
  shown,
  until,
  windows,
} from "./rehearsal.ts";

jest.setTimeout(generous);

const fleet = new Rehearsal("interruptions");

// Long enough for the events that happen inside of the windows.
beforeAll(() => fleet.raise(windows(30, 120)));
afterAll(() => fleet.lower());
beforeEach(async () => {
  await fleet.converged();
  await fleet.closeGate("db");
});

const boots = async () => (await fleet.inside("db", "readlink -f /boot/pantheros-default")).output.trim();

const reboots = [
  ["reboots", [["reboot"]]],
  ["loses its power", [["cut"], ["start"]]],
] as const;

for (const [how, buttons] of reboots) {
  test(`machine ${how} inside the window: boots the old system; up reports it`, async () => {
    const before = await fleet.moment("db");
    // Nobody can confirm it, so that the window is open until the machine goes.
    fleet.break(fault("db", 'firewall = "drop-ssh"'));
    const run = fleet.start();
    await fleet.phase("db", "waiting", run);
    expect(await fleet.running("db")).not.toBe(before.running);
    expect(await boots()).toBe(before.running);

    for (const [button] of buttons)
      expect(await fleet.cli("machine", button, "db")).toMatchObject({ code: 0 });

    expectTold(await run.end, "db: rolled-back at waiting", /the machine rebooted while waiting/);
    await fleet.expectBack("db", before);
    expect(await boots()).toBe(before.running);
    await fleet.expectConfirmed("db");
    expect(await fleet.wouldChange()).toEqual(["db"]);
    await fleet.mend();
  });
}

test("runner killed after activation, before confirmation: old system back; next up converges", async () => {
  const before = await fleet.moment("db");
  fleet.break(gated("db"));
  const run = fleet.start();
  await fleet.phase("db", "checking", run);
  const wanted = await fleet.running("db");
  expect(wanted).not.toBe(before.running);

  run.kill();
  await run.end;
  await fleet.openGate("db"); // the new system is well, and nobody is there to confirm it
  await fleet.phase("db", "waiting");
  await fleet.phase("db", "idle");
  await until("db's units are back", 60, async () =>
    (await fleet.moment("db")).running === before.running ? true : undefined,
  );
  const now = await fleet.moment("db");
  expect(now.serving).toEqual(expect.arrayContaining([...before.serving]));
  expect(await boots()).toBe(before.running);

  expect(shown(await fleet.up())).toMatchObject({ code: 0 });
  expect(await fleet.running("db")).toBe(wanted);
  await fleet.expectConfirmed();
  expect(await fleet.changes()).toEqual([]);
  await fleet.mend();
});

test("two runs against one host at once: the second is refused with a clear message; no half state", async () => {
  fleet.break(gated("db"));
  const run = fleet.start();
  await fleet.phase("db", "checking", run);
  const wanted = await fleet.running("db");

  const second = await fleet.up();
  expect(second.code).not.toBe(0);
  expect(second.output).toMatch(/the stack is currently locked by 1 lock\(s\)/);
  // And one that knows nothing of this stack's lock.
  const supervisor = ["sudo", "-n", "/run/current-system/sw/bin/pantheros-supervisor"];
  const beside = await fleet.deployer("db", ...supervisor, "activate", wanted, "another-run");
  expect(beside.code).toBe(2);
  expect(beside.output).toMatch(/"outcome":"refused","step":"busy"/);
  expect(beside.output).toContain(`another activation is under way: checking ${wanted}`);
  const stranger = await fleet.deployer("db", ...supervisor, "confirm", "another-run");
  expect(stranger.code).toBe(2);
  expect(stranger.output).toMatch(/"outcome":"refused","step":"confirm"/);

  await fleet.openGate("db");
  expect(shown(await run.end)).toMatchObject({ code: 0 });
  expect(await fleet.running("db")).toBe(wanted);
  await fleet.expectConfirmed();
  expect(await fleet.changes()).toEqual([]);
  await fleet.mend();
});

test("garbage collection on the host inside the window: rollback target still there", async () => {
  // Only what the supervisor pins keeps a system that no generation of the profile names.
  const byHand = await unnamed();
  const before = await fleet.moment("db");
  expect(before.running).toBe(byHand);
  fleet.break(all(fault("db", 'firewall = "drop-ssh"'), gated("db")));
  const run = fleet.start();
  await fleet.phase("db", "checking", run);
  const garbage = (
    await fleet.inside("db", "echo garbage >/tmp/garbage && nix-store --add /tmp/garbage")
  ).output.trim();

  expect(await fleet.inside("db", "nix-collect-garbage -d")).toMatchObject({ code: 0 });

  const valid = (path: string) => fleet.inside("db", `nix-store --check-validity ${path}`);
  expect((await valid(garbage)).code).not.toBe(0);
  expect(await valid(before.running)).toMatchObject({ code: 0 });
  expect(await valid(await fleet.supervisor("db", "wanted"))).toMatchObject({ code: 0 });
  await fleet.openGate("db");
  expectTold(await run.end, "db: rolled-back at confirm", /nobody confirmed/);
  await fleet.expectBack("db", before);
  await fleet.mend();
});

/** db runs a system that it was switched to by hand, and that its profile does not know. */
async function unnamed(): Promise<string> {
  fleet.break(change("db", "db, by hand"));
  expect(shown(await fleet.up())).toMatchObject({ code: 0 });
  const system = await fleet.running("db");
  await fleet.mend();
  expect(await fleet.inside("db", `${system}/bin/switch-to-configuration test`)).toMatchObject({ code: 0 });
  const forget =
    "nix-env -p /nix/var/nix/profiles/system --delete-generations old && rm -f /nix/var/nix/gcroots/pantheros-previous";
  expect(await fleet.inside("db", forget)).toMatchObject({ code: 0 });
  return system;
}
