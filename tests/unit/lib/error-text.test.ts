import { inspect } from "node:util";
import { errorText } from "../../../lib/error-text.ts";

test("the SDK's prefixes and escape sequences are left out", () => {
  const through = 'error serializing property "outputs": error serializing property "create": ';
  expect(errorText(`${through}\u001b[31;1merror:\u001b[0m no such attribute\n\n`)).toBe(
    "error: no such attribute",
  );
});

test("a long message keeps its cause and its remedy in eleven lines", () => {
  const lines = Array.from({ length: 100 }, (_, at) => `hosts.node${at}.wave: not a number`);
  const shown = errorText([...lines, "hint: fix them", "command: nix eval"].join("\n")).split("\n");
  expect(shown).toHaveLength(11);
  expect(shown[0]).toBe("hosts.node0.wave: not a number");
  expect(shown.slice(-3)).toEqual(["(92 more lines)", "hint: fix them", "command: nix eval"]);
});

test("an error that nothing foresaw has its cause first, and no stack", () => {
  const error = Object.assign(new TypeError("x is not a function\nin line two"), { code: "E1" });
  const sdk = `Running program '/srv/infra/index.ts' failed with an unhandled exception:\n`;
  const [cause, more, place, ...rest] = errorText(`${sdk}${inspect(error, { colors: true })}`).split("\n");
  expect([cause, more]).toEqual(["TypeError: x is not a function", "in line two"]);
  expect(place).toMatch(
    /^this error is a fault of the program \(\/.*error-text\.test\.ts:\d+\): please report it$/,
  );
  expect(rest).toEqual([]);
});
