import * as fc from "fast-check";
import { lastLine, lastLines, oneLine, printable, quoted, shownPath } from "../../../lib/sanitize.ts";
import { isStorePath } from "../../../lib/store-path.ts";
import { newSystem } from "../deployer/fixtures.ts";

const control = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/u;
const hostile = [
  "\u001b[2K\u001b[1A",
  "\u001b]0;title\u0007",
  "\r",
  "\u009b31m",
  "\u202e",
  "\u2028",
  "\u007f",
  "\b\b",
  "\n  ::error::x\n",
  "\n```\n",
  "\n\u00a0~~~\n",
  "::stop-commands::x",
  "###[error]x",
  "\nweb: confirmed, generation 9\n",
];
const text = fc
  .array(fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(...hostile)))
  .map((all) => all.join(""));

test("all control characters are removed, except the newline between lines", () => {
  fc.assert(
    fc.property(text, (given) => {
      for (const shown of [
        printable(given),
        lastLines(given),
        oneLine(given),
        quoted(given, "  reason:  "),
      ]) {
        expect(shown).not.toMatch(/^\s*(::|```|~~~)/m);
        expect(shown).not.toContain("##[");
        expect(shown.replaceAll("\n", "")).not.toMatch(control);
      }
      expect(oneLine(given)).not.toMatch(control);
      expect(lastLine(given)).not.toMatch(control);
    }),
  );
});

test("each line of quoted text has the prefix", () => {
  fc.assert(
    fc.property(text, (given) => {
      const lines = quoted(given, "  reason:  ").split("\n");
      expect(lines.length).toBeLessThanOrEqual(40);
      for (const line of lines) expect(line).toMatch(/^( {2}reason: {2}| {11})\| /);
    }),
  );
  expect(quoted("one\r\ntwo", "  reason:  ")).toBe("  reason:  | one\n           | two");
});

test("a cut creates no line that begins like a command", () => {
  for (let at = 0; at < 12; at++) {
    expect(lastLines(`${"x".repeat(50)}::error::${"y".repeat(1475 + at)}`)).not.toMatch(/^\s*::/m);
  }
});

test("long text is cut, also megabytes of escape sequences", () => {
  for (const part of ["\u001b]", "\u001b[;;;;", "a\n", "x"]) {
    const long = part.repeat(2_000_000 / part.length);
    expect(lastLines(long).length).toBeLessThanOrEqual(1502);
    expect(oneLine(long).length).toBeLessThanOrEqual(300);
    expect(quoted(long).length).toBeLessThanOrEqual(40 * 2003);
  }
});

test("a closure is shown only when it is a store path", () => {
  expect(shownPath(newSystem)).toBe(newSystem);
  for (const other of ["/etc", `${newSystem}/bin`, `${newSystem}\n::error::`, "/nix/store/../etc", ""]) {
    expect(isStorePath(other)).toBe(false);
    expect(shownPath(other)).toBe("not a store path");
  }
});
