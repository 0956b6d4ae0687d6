/** `tools/pantheros watch`: one picture, the terminal, and the output without one. */
import { spawnSync } from "node:child_process";
import { EventEmitter } from "node:events";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { frame } from "../../../cli/watch/frame.ts";
import { Screen, type Terminal } from "../../../cli/watch/screen.ts";
import { fleetOf, hostOf } from "../centre/fixtures.ts";
import { FleetOnDisk } from "./fleet-on-disk.ts";

const names = (count: number) => Array.from({ length: count }, (_, at) => `host${at}`);
const statusOf = (count: number) => fleetOf(...names(count).map((name) => hostOf({ name }))).status;
const now = Date.parse("2026-01-01T00:01:07Z");
const base = {
  ...{ problem: undefined, columns: 80, rows: 24, interval: 5, now, stream: process.stdout },
} as const;

describe("a picture", () => {
  test("the status, and how old it is", () => {
    const lines = frame({ ...base, status: statusOf(2) });
    expect(lines[0]).toContain("2 hosts: 2 ok");
    expect(lines.at(-1)).toBe("asked 7 s ago; every 5 s; q ends");
  });

  test.each([1, 2, 3, 5, 24])("it has at most %d lines, and counts the hosts that do not fit", (rows) => {
    const lines = frame({ ...base, status: statusOf(60), rows });
    expect(lines.length).toBeLessThanOrEqual(rows);
    expect(lines.at(-1)).toContain("q ends");
    if (rows > 4) expect(lines.at(-3)).toMatch(/^… and \d+ more$/);
  });

  test("no line is longer than the window", () => {
    for (const line of frame({ ...base, status: statusOf(3), columns: 30, problem: "x".repeat(200) })) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: colours take no columns.
      expect(line.replace(/\u001b\[\d+m/g, "").length).toBeLessThanOrEqual(30);
    }
  });

  test("a read that failed keeps the hosts and says why", () => {
    const lines = frame({ ...base, status: statusOf(1), problem: "the state is locked" });
    expect(lines.join("\n")).toContain("host0");
    expect(lines.at(-1)).toBe("the state is locked; shown: 7 s ago; every 5 s; q ends");
  });

  test("before the first answer", () => {
    expect(frame({ ...base, status: undefined })[0]).toBe("waiting for the first answer");
  });
});

describe("the terminal", () => {
  class FakeInput extends EventEmitter {
    isTTY = true;
    raw: boolean[] = [];
    setRawMode(mode: boolean) {
      this.raw.push(mode);
      return this as unknown as NodeJS.ReadStream;
    }
    resume() {
      return this as unknown as NodeJS.ReadStream;
    }
    pause() {
      return this as unknown as NodeJS.ReadStream;
    }
  }
  class FakeOutput extends EventEmitter {
    columns = 80;
    rows = 24;
    text = "";
    write(text: string): boolean {
      this.text += text;
      return true;
    }
  }
  function opened() {
    const [input, output] = [new FakeInput(), new FakeOutput()];
    const calls: string[] = [];
    const terminal = { input, output } as unknown as Terminal;
    const screen = new Screen(
      terminal,
      () => calls.push("end"),
      () => calls.push("resize"),
    );
    screen.open();
    return { input, output, calls, screen };
  }

  test.each([["q"], ["\u0003"]])("%j ends it, other keys do not", (key) => {
    const { input, calls } = opened();
    input.emit("data", Buffer.from("x"));
    expect(calls).toEqual([]);
    input.emit("data", Buffer.from(key));
    expect(calls).toEqual(["end"]);
  });

  test("a picture overwrites the one before without clearing the screen first", () => {
    const { output, screen } = opened();
    output.text = "";
    screen.paint(["a", "b"]);
    expect(output.text).toBe("\u001b[?2026h\u001b[Ha\u001b[K\r\nb\u001b[K\u001b[J\u001b[?2026l");
  });

  test("closing restores screen, cursor and keys once; nothing is painted afterwards", () => {
    const { input, output, calls, screen } = opened();
    output.emit("resize");
    output.text = "";
    screen.close();
    screen.close();
    screen.paint(["late"]);
    output.emit("resize");
    input.emit("data", Buffer.from("q"));
    expect(output.text).toBe("\u001b[?25h\u001b[?1049l");
    expect(input.raw).toEqual([true, false]);
    expect(calls).toEqual(["resize"]);
  });
});

describe("the command", () => {
  let fleet: FleetOnDisk;
  beforeEach(() => {
    fleet = new FleetOnDisk("watch");
  });
  afterEach(() => fleet.remove());

  test("without a terminal the whole status is printed after each read", () => {
    const { code, stdout, stderr } = fleet.call("watch", "--no-ask", "--count", "2", "--interval", "1");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout.match(/3 hosts: 3 ok/g)).toHaveLength(2);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the test searches for them.
    expect(stdout).not.toMatch(/\u001b/);
  });

  test("--json prints a line for each read", () => {
    const { stdout } = fleet.call("watch", "--json", "--count", "2", "--interval", "1", "--on", "web");
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { hosts: unknown[] });
    expect(lines.map(({ hosts }) => hosts.length)).toEqual([1, 1]);
  });

  test("a wrong selection is an error of the command", () => {
    expect(fleet.call("watch", "--on", "wep")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('did you mean "web"?'),
    });
  });

  test("in a terminal it paints, q ends it, and the terminal is restored", () => {
    const words = ["tools/pantheros", "watch", "--no-ask", ...fleet.stackOptions()];
    // util-linux' script makes a terminal; it types q when the first picture is there.
    const typed = path.join(fleet.own.directory, "typed.sh");
    writeFileSync(typed, `while ! grep -q 'q ends' "$1" 2>/dev/null; do sleep 0.1; done; printf q\n`);
    const shown = path.join(fleet.own.directory, "shown");
    const ran = spawnSync(
      "sh",
      ["-c", `sh "$1" "$2" | script -qefc "$3" "$2" >/dev/null`, "sh", typed, shown, words.join(" ")],
      { encoding: "utf8", env: { ...fleet.environment(), TERM: "xterm" }, timeout: 60_000 },
    );
    expect([ran.status, ran.stderr]).toEqual([0, ""]);
    const text = fleet.own.read("shown");
    expect(text.indexOf("\u001b[?1049h")).toBeLessThan(text.indexOf("3 hosts: 3 ok"));
    expect(text).toContain("\u001b[?25h\u001b[?1049l");
  });
});
