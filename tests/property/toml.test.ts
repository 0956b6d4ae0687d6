import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import * as fc from "fast-check";
import { readToml } from "../../inventory/toml.ts";

const directory = mkdtempSync(join(tmpdir(), "toml-"));
afterAll(() => rmSync(directory, { recursive: true }));

/** Nix's values of the texts. Floats are marked, because JSON doesn't distinguish 1 and 1.0. */
const EXPRESSION = `file: let
  mark = value:
    if builtins.isFloat value then { float = value; }
    else if builtins.isAttrs value then { table = builtins.mapAttrs (_: mark) value; }
    else if builtins.isList value then map mark value
    else value;
in map (text: mark (builtins.fromTOML text)) (builtins.fromJSON (builtins.readFile file))`;

function readByNix(texts: readonly string[]): unknown[] {
  const file = join(directory, "texts.json");
  writeFileSync(file, JSON.stringify(texts));
  const options = ["--eval", "--strict", "--json", "-E", `(${EXPRESSION}) ${JSON.stringify(file)}`];
  return JSON.parse(execFileSync("nix-instantiate", options, { encoding: "utf8", stdio: "pipe" }));
}

/** This program's value of a text in the form of `EXPRESSION`. */
function mark(value: unknown): unknown {
  if (typeof value === "number" && !Number.isInteger(value)) return { float: value };
  if (Array.isArray(value)) return value.map(mark);
  if (typeof value !== "object" || value === null) return value;
  return { table: Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, mark(inner)])) };
}

/** Compares the values of the texts that this program accepts, and returns how many those are. */
function compareReaders(texts: readonly string[]): number {
  const accepted = texts.flatMap((text) => {
    const { tables, problems } = readToml(text);
    return problems.length === 0 ? [{ text, ours: mark(tables) }] : [];
  });
  const theirs = readByNix(accepted.map(({ text }) => text));
  const different = accepted.filter(({ ours }, i) => !isDeepStrictEqual(ours, theirs[i]));
  expect(different.map(({ text }) => text)).toEqual([]);
  return accepted.length;
}

const key = fc.constantFrom(
  "a",
  "b",
  "c",
  "a.b",
  "a.b.c",
  "b . a",
  '"a"',
  "'b'",
  '""',
  "1",
  "1.2",
  "-",
  "true",
  "é",
  '"é"',
  '"a.b"',
  '"\\u00e9"',
  "inf",
  "constructor",
  "__proto__",
);
const integer = fc.constantFrom(
  "0",
  "-0",
  "+0",
  "+5",
  "-7",
  "1_000",
  "1__0",
  "_1",
  "1_",
  "00",
  "0xff",
  "0xFF_1",
  "0XFF",
  "+0xff",
  "0o17",
  "0b101",
  "0b2",
  "9007199254740991",
  "9007199254740992",
  "-9007199254740993",
  "9223372036854775808",
);
const float = fc.constantFrom(
  "1.0",
  "1.5",
  "-0.0",
  "0.25",
  "1e3",
  "1e-2",
  "1E+2",
  "1_0.0_1",
  ".5",
  "1.",
  "1.e1",
  "1e400",
  "1e-400",
  "0.1e1",
  "inf",
  "-inf",
  "nan",
  "+nan",
  "6.626e-34",
  "3.0000000000000000001",
);
const moment = fc.constantFrom(
  "1979-05-27",
  "07:32:00",
  "07:32",
  "1979-05-27T07:32:00Z",
  "1979-05-27 07:32:00",
  "1979-05-27t07:32:00.5+01:00",
);
const piece = fc.constantFrom(
  "x",
  " ",
  "é",
  "\u{1F600}",
  "\t",
  "\n",
  "\r\n",
  "\r",
  "\u0001",
  "\u007f",
  "\u0085",
  "\u2028",
  "#",
  "}",
  "]",
  ",",
  "=",
  "'",
  '"',
  "''",
  '""',
  "\\",
  "\\\\",
  "\\n",
  '\\"',
  "\\e",
  "\\x41",
  "\\u00e9",
  "\\u0000",
  "\\uD800",
  "\\U0001F600",
  "\\U00110000",
  "\\/",
  "\\\n  ",
  "\\  \n",
  "\\\r\n ",
  "$",
  "{",
);
const text = fc
  .tuple(
    fc.constantFrom('"', "'", '"""', "'''", '"""\n', "'''\n", '"""\r\n'),
    fc.array(piece, { maxLength: 5 }),
  )
  .map(([quote, pieces]) => `${quote}${pieces.join("")}${quote.trim()}`);
const blank = fc.constantFrom("", "", " ", "\t");
const blankOrLine = fc.oneof(
  { weight: 4, arbitrary: blank },
  fc.constantFrom("\n", "\r\n", " # c\n", "\n# }\n", "\r"),
);
const { value } = fc.letrec<{ value: string; array: string; table: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    integer,
    float,
    moment,
    text,
    fc.constantFrom("true", "false", "True", "", "nothing"),
    tie("array"),
    tie("table"),
  ),
  array: fc
    .tuple(
      fc.array(fc.tuple(blankOrLine, tie("value"), blankOrLine), { maxLength: 3 }),
      fc.constantFrom("", "", ",", ",\n"),
    )
    .map(([items, end]) => `[${items.map((item) => item.join("")).join(",")}${end}]`),
  table: fc
    .tuple(
      fc.array(fc.tuple(blank, key, fc.constantFrom("=", " = "), tie("value"), blank), { maxLength: 3 }),
      fc.constantFrom("", "", "", " ", ",", "\n", ", # c\n", "# c\n"),
    )
    .map(([items, end]) => `{${items.map((item) => item.join("")).join(",")}${end}}`),
}));
const line = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .tuple(blank, key, fc.constantFrom("=", " = ", "=\n"), value, blank)
      .map((parts) => parts.join("")),
  },
  { weight: 3, arbitrary: key.map((name) => `[${name}]`) },
  key.map((name) => `[[${name}]]`),
  fc.constantFrom("", "# c", "# \u0001", "# \t", "# é", "[ a ]", "[[ a ] ]", "a"),
);
const document = fc
  .tuple(
    fc.constantFrom("", "", "", "", "\uFEFF"),
    fc.array(line, { maxLength: 5 }),
    fc.constantFrom("\n", "\n", "\n", "\r\n", "\r"),
  )
  .map(([start, lines, end]) => `${start}${lines.join(end)}`);

test("what this program accepts, Nix reads as the same value", () => {
  let accepted = 0;
  fc.assert(
    fc.property(fc.array(document, { minLength: 400, maxLength: 400 }), (texts) => {
      accepted += compareReaders(texts);
    }),
    { numRuns: 40, endOnFailure: true, interruptAfterTimeLimit: 40_000 },
  );
  expect(accepted).toBeGreaterThan(200);
});

/** Refused by Nix, or read as a different value. */
const REFUSED: readonly (readonly [text: string, problem: string])[] = [
  ["a = {\n b = 1 }", "line 1, column 6: Nix can't read an inline table over several lines"],
  ["a = { b = 1,\n c = 2 }", "line 1, column 13: Nix can't read an inline table over several lines"],
  ["a = { b = 1 # c\n}", "line 1, column 13: Nix can't read an inline table over several lines"],
  ["[a]\nb = [{ c = 1 },\n{ d = { e = 1,\n} }]", "line 3, column 15: Nix can't read an inline table over"],
  ["a = { b = 1, }", "line 1, column 14: Nix can't read a comma before the end of an inline table"],
  ['a = 1\nb = "x\\e"', "line 2, column 7: Nix can't read the escape \\e"],
  ['a = """\nx\\x41"""', "line 2, column 2: Nix can't read the escape \\x"],
  ['"\\x41" = 1', "line 1, column 2: Nix can't read the escape \\x"],
  ["a = 1979-05-27", "a: Nix can't read dates and times: write it in quotes"],
  ["a = [07:32:00]", "a[0]: Nix can't read dates and times: write it in quotes"],
  ["a.b = 1979-05-27T07:32:00Z", "a.b: Nix can't read dates and times: write it in quotes"],
  ["a = 1.0", "a: a float for Nix and an integer for this program: write 1,"],
  ["a = -2e3", "a: a float for Nix and an integer for this program: write -2000,"],
  ["a = -0.0", "a: a float for Nix and an integer for this program: write 0,"],
  ["a = 1e300", "a: an integer is between -9007199254740991 and 9007199254740991"],
  ["a = 9007199254740993", "a: an integer is between -9007199254740991 and 9007199254740991"],
  ["a = 9223372036854775808", "a: an integer is between -9007199254740991 and 9007199254740991"],
  ["a = -inf", "a: not a finite number"],
  ["a = nan", "a: not a finite number"],
  ['a = "\\u0000"', "a: Nix can't hold the character U+0000"],
  ['"\\u0000" = 1', "Nix can't hold the character U+0000"],
  ["a = '''x\r\ny'''", "line 1, column 5: a string over several lines has Windows line ends (CRLF)"],
  ["[hosts.__proto__]\na = 1", "hosts.__proto__: this name is reserved"],
  [`a = ${"[".repeat(65)}${"]".repeat(65)}`, "nested deeper than 64 levels"],
  [`${Array(5000).fill("a").join(".")} = 1`, "nested deeper than 64 levels"],
];

test.each(REFUSED)("%j is refused with its place", (text, problem) => {
  const { problems } = readToml(text);
  expect(problems.map((each) => `${each.key}: ${each.message}`)).toEqual([expect.stringContaining(problem)]);
});

/** Forms near the refused ones. */
const ACCEPTED = [
  "a = { b = [1,\n2, # c\n], c = { d = 1 } }",
  "a = { b = '''\nx,\n''' }",
  "a = [\n1,\n]\n",
  "a = {}\nb = { c = '}' } # }\n",
  "a = 1.5\nb = 0xff\nc = 0o17\nd = 0b101\ne = 1_000\nf = +5\ng = -0",
  "a = 9007199254740991\nb = -9007199254740991",
  'a = "\\u00e9\\U0001F600\\b\\t\\n\\f\\r\\"\\\\e"',
  "a = '\\e\\x41'",
  `a = """"x"""""\nb = ''''y'''''`,
  'a = """x\\  \n\n  y"""',
  "\uFEFFa = 1\r\n[b] # c\r\nc = 2\r\n",
  "[a.b]\nx = 1\n[a]\nc.y = 2\n[[d]]\n[d.e]\n[[d]]\n[d.e]\n",
  "[constructor]\ntoString = 1\n[constructor.valueOf]\n",
  "a = [1, 'x', 1.5, [true], { b = 1 }]",
  "1 = 2\n1979-05-27.inf = 3\n'' = 4",
];

test("the forms near the refused ones are accepted, and Nix reads the same value", () => {
  expect(compareReaders(ACCEPTED)).toBe(ACCEPTED.length);
});
