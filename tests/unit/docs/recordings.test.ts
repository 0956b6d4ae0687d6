/** The pictures of docs/recordings match the recordings beside them, which contain no data of the recording machine. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  drawRecording,
  type PrintedLine,
  parseRecording,
  writeRecording,
} from "../../../tools/docs/asciicast.ts";

const folder = "docs/recordings";
const recordings = readdirSync(folder).filter((name) => name.endsWith(".cast"));
const recorded = (name: string) => parseRecording(readFileSync(`${folder}/${name}`, "utf8"), name);

test.each(recordings)("%s matches its picture", (name) => {
  const picture = readFileSync(`${folder}/${name.replace(/cast$/, "svg")}`, "utf8");
  expect(picture === drawRecording(recorded(name))).toBe(true);
});

test.each(recordings)("%s has no token, key or path of the machine", (name) => {
  const found = recorded(name).filter(({ text }) =>
    /PRIVATE KEY|\b(op|hcloud|tskey|eyJ|ghp)_?[-\w]{20,}|(?<![\w.])\/(home|root|work|tmp|Users)\//.test(text),
  );
  expect(found).toEqual([]);
});

const lines = (count: number): PrintedLine[] =>
  Array.from({ length: count }, (_, at) => ({ seconds: at / 10, text: `line ${at} <&>` }));
/** Duration of one loop of the picture, in seconds. */
const durationOf = (picture: string) => Number(/animation:column ([\d.]+)s/.exec(picture)?.[1]);

test("a recording is read as it was written", () => {
  expect(parseRecording(writeRecording(lines(3)), "x.cast")).toEqual(lines(3));
});

test("an entry that is not one plain line of text is refused, with file and line", () => {
  const header = '{"version":2,"width":80,"height":24}';
  expect(() => parseRecording('{"version":1}\n', "x.cast")).toThrow("x.cast:1:");
  for (const entry of [
    '[1,"o","\\u001b[31mred\\r\\n"]',
    '[1,"o","half a line"]',
    '[1,"i","x\\r\\n"]',
    "[1]",
  ]) {
    expect(() => parseRecording(`${header}\n[0,"o","good\\r\\n"]\n${entry}\n`, "x.cast")).toThrow(
      "x.cast:3:",
    );
  }
});

test("a picture has every line, scrolls when the screen is full, and ends with the last line", () => {
  const few = drawRecording(lines(5));
  expect(few.match(/<text y=/g)).toHaveLength(5);
  expect(few).toContain("line 4 &lt;&amp;&gt;");
  expect(few).toContain(".column{transform:translateY(0px)}");
  const many = drawRecording(lines(100));
  expect(many.match(/<text y=/g)).toHaveLength(100);
  const moved = Number(/\.column\{transform:translateY\(-(\d+)px\)\}/.exec(many)?.[1]);
  const lastLine = Number([...many.matchAll(/<text y="(\d+)"/g)].at(-1)?.[1]);
  const visible = Number(/<clipPath[^>]*><rect width="\d+" height="(\d+)"/.exec(many)?.[1]);
  expect(lastLine - moved).toBeGreaterThan(visible - 20);
  expect(lastLine - moved).toBeLessThanOrEqual(visible);
});

test("long pauses are cut, and there is a pause before each prompt", () => {
  const pause = [
    { seconds: 0, text: "$ one" },
    { seconds: 600, text: "done" },
  ];
  expect(durationOf(drawRecording(pause))).toBeLessThan(20);
  const prompted = [...pause, { seconds: 600.1, text: "$ two" }];
  expect(durationOf(drawRecording(prompted))).toBeGreaterThan(durationOf(drawRecording(pause)) + 2);
});

test("a recording has the commands and their stdout and stderr in order, also after a failure", () => {
  const directory = mkdtempSync(join(tmpdir(), "recording-"));
  try {
    const cast = join(directory, "a.cast");
    const ran = spawnSync(
      process.execPath,
      ["tools/docs/recording.ts", "record", cast, "echo one; echo two >&2; exit 3", "echo three"],
      { encoding: "utf8" },
    );
    expect([ran.status, ran.stderr]).toEqual([0, ""]);
    const texts = parseRecording(readFileSync(cast, "utf8"), cast).map(({ text }) => text);
    expect(texts).toEqual([
      "$ echo one; echo two >&2; exit 3",
      "one",
      "two",
      "",
      "$ echo three",
      "three",
      "",
    ]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
