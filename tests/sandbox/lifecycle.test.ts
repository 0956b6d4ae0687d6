import { spawn } from "node:child_process";
import { expectWell, Sandbox } from "./sandbox.ts";

jest.setTimeout(30 * 60_000);

const sandbox = new Sandbox("life");

/** Runs `sandbox up` as a process group of its own and kills all of it after `milliseconds`, unless it ended before. */
function killedUp(milliseconds: number): Promise<"killed" | "ended"> {
  return new Promise((done) => {
    const child = spawn("tools/with", ["node", "sandbox/cli/main.ts", "up"], {
      env: sandbox.environment,
      detached: true,
      stdio: "ignore",
    });
    const timer = setTimeout(() => {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    }, milliseconds);
    child.on("close", (_, signal) => {
      clearTimeout(timer);
      done(signal === null ? "ended" : "killed");
    });
  });
}

describe("`make sandbox`, killed", () => {
  beforeAll(async () => {
    await sandbox.fresh();
  });

  afterAll(async () => {
    const down = await sandbox.cli("down");
    expectWell(down);
    expect(sandbox.remains()).toEqual([]);
  });

  // Three moments spread over the run, each random within its third; the name of the test says which it was.
  const moments = [3, 11, 22].map((from, i) => Math.round((from + Math.random() * (8 + 3 * i)) * 1000));

  test(`killed after ${moments.join(", ")} ms: the next run completes`, async () => {
    const ends: string[] = [];
    for (const moment of moments) ends.push(await killedUp(moment));
    expect(ends).toContain("killed");
    const { code, output } = await sandbox.cli("up");
    expectWell({ code, output });
    const { hosts } = await sandbox.outputs();
    expect(Object.values(hosts).map((host) => host.outcome)).toEqual(["confirmed", "confirmed", "confirmed"]);
    expect(await sandbox.changes()).toEqual([]);
  });

  test("down and up again: nothing remains in between, and the fleet comes back", async () => {
    expectWell(await sandbox.cli("down"));
    expect(sandbox.remains()).toEqual([]);
    await sandbox.fresh();
    const { code, output } = await sandbox.cli("up");
    expectWell({ code, output });
  });
});
