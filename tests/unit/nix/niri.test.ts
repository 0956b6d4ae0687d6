import { evaluate } from "./nix.ts";

const configuration = (given: string): string =>
  evaluate(`import (nix + "/lib/niri.nix") ({
    keyboardLayout = "us,de"; outputs = {}; palette = (import (nix + "/lib/theme.nix")).dark;
    shell = true; terminal = "ghostty";
  } // ${given})`) as string;

/** The nodes of a KDL document as niri's configuration uses it: a name, arguments, properties and children. */
interface Node {
  readonly name: string;
  readonly args: readonly (string | number)[];
  readonly children: readonly Node[];
}

/** Reads KDL; throws at what is none. Source: kdl.dev, specification of version 1. */
function parse(text: string): readonly Node[] {
  const tokens = [...text.matchAll(/"(?:[^"\\]|\\.)*"|[{};\n]|[^\s{};"]+/g)].map(([token]) => token);
  let at = 0;
  const nodes = (inner: boolean): Node[] => {
    const found: Node[] = [];
    while (at < tokens.length) {
      const token = tokens[at] ?? "";
      if (token === "\n" || token === ";") at += 1;
      else if (token === "}") {
        if (!inner) throw new Error("a } too many");
        at += 1;
        return found;
      } else {
        at += 1;
        const args: (string | number)[] = [];
        let children: Node[] = [];
        for (;;) {
          const next = tokens[at];
          if (next === undefined || next === "\n" || next === ";" || next === "}") break;
          at += 1;
          if (next === "{") {
            children = nodes(true);
            break;
          }
          args.push(
            next.startsWith('"')
              ? (JSON.parse(next) as string)
              : Number.isNaN(Number(next))
                ? next
                : Number(next),
          );
        }
        found.push({ name: token, args, children });
      }
    }
    if (inner) throw new Error("a } is missing");
    return found;
  };
  return nodes(false);
}

const named = (nodes: readonly Node[], name: string) => nodes.filter((node) => node.name === name);

test("screens have their scale, with fractions, and their mode; the rest is niri's choice", () => {
  const text = configuration(
    '{ outputs = { "eDP-1" = { scale = 1.5; mode = "2560x1600@120"; }; "DP-\\"2" = { scale = null; mode = null; }; }; }',
  );
  const outputs = named(parse(text), "output");
  expect(outputs.map(({ args }) => args)).toEqual([['DP-"2'], ["eDP-1"]]);
  expect(outputs[0]?.children).toEqual([]);
  expect(outputs[1]?.children.map(({ name, args }) => [name, ...args])).toEqual([
    ["scale", 1.5],
    ["mode", "2560x1600@120"],
  ]);
});

test("keys start the terminal and the shell's parts; without the shell none calls it", () => {
  const binds = (text: string) => named(parse(text), "binds")[0]?.children ?? [];
  const spawned = (text: string) =>
    binds(text).flatMap(({ children }) => named(children, "spawn").map(({ args }) => args[0]));
  expect(spawned(configuration("{}"))).toEqual(expect.arrayContaining(["ghostty", "dms"]));
  expect(spawned(configuration("{ shell = false; }"))).toEqual(["ghostty"]);
  const keys = binds(configuration("{}")).map(({ name }) => name);
  expect(new Set(keys).size).toBe(keys.length);
  expect(keys).toEqual(expect.arrayContaining(["Mod+Q", "Mod+1", "Mod+Shift+9", "Mod+Shift+E"]));
});

test("the keyboard's layouts are those of the host", () => {
  const [input] = named(parse(configuration("{}")), "input");
  const layouts = named(
    named(named(input?.children ?? [], "keyboard")[0]?.children ?? [], "xkb")[0]?.children ?? [],
    "layout",
  );
  expect(layouts.map(({ args }) => args)).toEqual([["us,de"]]);
});

test("a document with a bracket too few or too many is none", () => {
  expect(() => parse("binds {")).toThrow("missing");
  expect(() => parse("}")).toThrow("too many");
});
