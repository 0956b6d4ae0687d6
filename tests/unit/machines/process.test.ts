import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LockedError, tryLock, unlock, withLock } from "../../../sandbox/machines/lock.ts";
import {
  ancestry,
  orphans,
  type ProcessEntry,
  processesIn,
  subreapers,
} from "../../../sandbox/machines/namespace-processes.ts";
import {
  formatIdentity,
  identify,
  isAlive,
  parseIdentity,
  readPidFile,
  signalProcess,
  startTimeOf,
  writePidFile,
} from "../../../sandbox/processes/identity.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "pantheros-process-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const self = () => {
  const identity = identify(process.pid);
  if (identity === undefined) throw new Error("no /proc");
  return identity;
};

/** The identity of a process that has ended. */
async function dead() {
  const child = spawn("sleep", ["60"]);
  const identity = identify(child.pid ?? 0);
  child.kill("SIGKILL");
  await new Promise((resolve) => child.on("close", resolve));
  if (identity === undefined) throw new Error("child not seen");
  return identity;
}

describe("identity", () => {
  test("the start time is found behind any command name; a zombie has none", () => {
    const fields = `S ${Array.from({ length: 49 }, (_, index) => index + 4).join(" ")}`;
    expect(startTimeOf(`12 (a) b (c)) ${fields}`)).toBe("22");
    expect(startTimeOf(`12 (x) ${fields.replace("S", "Z")}`)).toBeUndefined();
    expect(startTimeOf("")).toBeUndefined();
  });

  test("a truncated line is ignored", () => {
    const line = formatIdentity(self());
    expect(parseIdentity(line)).toEqual(self());
    for (let length = 0; length < line.length; length += 1) {
      expect(parseIdentity(line.slice(0, length))).toBeUndefined();
    }
  });

  test("a re-used pid and a pid of an earlier boot are different processes", () => {
    expect(isAlive(self())).toBe(true);
    expect(isAlive({ ...self(), started: "1" })).toBe(false);
    expect(isAlive({ ...self(), boot: "00000000-0000-0000-0000-000000000000" })).toBe(false);
  });

  test("a stale pid is never signalled", () => {
    // Signal 0 to this process's own pid would succeed; the differing identity refuses it.
    expect(signalProcess({ ...self(), started: "1" }, 0)).toBe(false);
    expect(signalProcess(self(), 0)).toBe(true);
  });

  test("a pid file names a running process or is ignored", async () => {
    const file = join(directory, "pid");
    expect(readPidFile(file)).toBeUndefined();
    writePidFile(file, process.pid);
    expect(readPidFile(file)).toEqual(self());
    writeFileSync(file, formatIdentity(await dead()));
    expect(readPidFile(file)).toBeUndefined();
  });
});

describe("lock", () => {
  const path = () => join(directory, "deep", "lock");

  test("one owner at a time; no file but the lock is left", () => {
    expect(tryLock(path())).toBe(true);
    expect(tryLock(path())).toBe(false);
    expect(readdirSync(join(directory, "deep"))).toEqual(["lock"]);
    unlock(path());
    expect(tryLock(path())).toBe(true);
  });

  test("a dead owner's lock is taken over", async () => {
    tryLock(path());
    writeFileSync(path(), formatIdentity(await dead()));
    expect(tryLock(path())).toBe(true);
    expect(readPidFile(path())).toEqual(self());
  });

  test("another process's lock is not released", () => {
    tryLock(path());
    const other = spawn("sleep", ["60"]);
    writePidFile(path(), other.pid ?? 0);
    unlock(path());
    expect(existsSync(path())).toBe(true);
    other.kill("SIGKILL");
  });

  test("after waiting for a running owner the error names it", async () => {
    tryLock(path());
    const holders: (number | undefined)[] = [];
    const waiting = withLock(
      path(),
      0.1,
      async () => 1,
      (holder) => holders.push(holder),
    );
    await expect(waiting).rejects.toThrow(LockedError);
    expect(holders).toEqual([process.pid]);
  });

  test("bodies under one lock never overlap, and a failing one releases it", async () => {
    let inside = 0;
    const body = (fails: boolean) => async () => {
      inside += 1;
      expect(inside).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 5));
      inside -= 1;
      if (fails) throw new Error("meant");
    };
    const results = await Promise.allSettled(
      [false, true, false].map((fails) => withLock(path(), 10, body(fails))),
    );
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(existsSync(path())).toBe(false);
  });
});

describe("processes of a namespace", () => {
  const entry = (pid: number, parent: number, network = "4:1"): ProcessEntry => ({
    pid,
    parent,
    network,
    command: "",
  });
  const all = [
    entry(1, 0, "4:0"),
    entry(10, 1),
    entry(11, 10),
    entry(20, 5, "4:0"),
    entry(21, 20),
    entry(22, 21),
    entry(30, 1),
  ];

  test("those inside, without the caller and its ancestors", () => {
    expect(processesIn(all, new Set(["4:1"]), 22).map(({ pid }) => pid)).toEqual([10, 11, 30]);
    expect([...ancestry(all, 11)]).toEqual([11, 10, 1]);
  });

  test("orphans with their descendants; not daemons, nor processes that have a parent", () => {
    expect(orphans(all.slice(1), new Set([30]), new Set([1])).map(({ pid }) => pid)).toEqual([10, 11]);
    expect(orphans(all.slice(1), new Set(), new Set([5])).map(({ pid }) => pid)).toEqual([20, 21, 22]);
  });

  test("subreapers are init and a user's systemd, not programs with a similar name", () => {
    const named = (pid: number, command: string) => ({ ...entry(pid, 1), command });
    const running = [
      named(7, "/usr/lib/systemd/systemd --user"),
      named(8, "/usr/lib/systemd/systemd-logind"),
      named(9, "vi /etc/systemd/system"),
    ];
    expect([...subreapers(running)]).toEqual([1, 7]);
  });
});
