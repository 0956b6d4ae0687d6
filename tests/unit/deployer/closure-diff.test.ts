import { readFileSync } from "node:fs";
import { join } from "node:path";
import { closureOf, compareClosures, packageOf, readPathInfos } from "../../../deployer/closures/diff.ts";
import { bytesText } from "../../../lib/bytes-text.ts";

/**
 * Output of `nix path-info --json --recursive` (Nix 2.26) for two systems of one host, without
 * signatures.
 */
const recorded = readFileSync(join(__dirname, "recorded", "path-info.json"), "utf8");
const [from, to] = [
  "/nix/store/p1m948ks6y021zp7hrp7cq323mpb1bkk-nixos-system-db-26.05.sandbox",
  "/nix/store/7w8if6d2zqrqbawaslyhankb7d11iv8y-nixos-system-db-26.05.sandbox",
];

const path = (letter: string, name: string) => `/nix/store/${letter.repeat(32)}-${name}`;
const info = (narSize: number, ...references: string[]) => ({ narSize, references });

test("two recorded closures", () => {
  const infos = readPathInfos(recorded);
  expect(infos.size).toBe(27);
  const diff = compareClosures(infos, from ?? "", to ?? "");
  expect(diff).toMatchObject({ changed: [], added: [], removed: [] });
  expect(diff?.rebuilt).toEqual(["filler", "nixos-system-db"]);
  // Three fillers of 5112 bytes, and the system of 17104.
  expect(diff).toMatchObject({ fresh: 3 * 5112 + 17104, freshPaths: 4 });
  expect(diff?.after).toBe(diff?.before);
});

test("changed, added and removed versions, and sizes", () => {
  const infos = readPathInfos(
    JSON.stringify({
      [path("a", "system-1")]: info(
        100,
        path("a", "system-1"),
        path("b", "linux-6.12.1"),
        path("c", "foo-1.0"),
      ),
      [path("b", "linux-6.12.1")]: info(5000),
      [path("c", "foo-1.0")]: info(700),
      [path("d", "system-1")]: info(
        120,
        path("e", "linux-6.18"),
        path("f", "bar-baz-2.0-lib"),
        path("g", "etc"),
      ),
      [path("e", "linux-6.18")]: info(6000),
      [path("f", "bar-baz-2.0-lib")]: info(10),
      [path("g", "etc")]: info(1),
    }),
  );
  expect(compareClosures(infos, path("a", "system-1"), path("d", "system-1"))).toEqual({
    before: 5800,
    after: 6131,
    fresh: 6131,
    freshPaths: 4,
    changed: ["linux 6.12.1 -> 6.18"],
    added: ["bar-baz 2.0-lib", "etc"],
    removed: ["foo 1.0"],
    rebuilt: ["system"],
  });
});

test("a closure with an unknown part is not compared", () => {
  const infos = readPathInfos(JSON.stringify({ [path("a", "x")]: info(1, path("b", "y")) }));
  expect(closureOf(infos, path("a", "x"))).toBeUndefined();
  expect(compareClosures(infos, path("a", "x"), path("a", "x"))).toBeUndefined();
});

test("the format of older versions of Nix is read, and other text is ignored", () => {
  const list = [
    { path: path("a", "x"), narSize: 1, references: [] },
    { path: path("b", "y"), valid: false },
  ];
  expect([...readPathInfos(JSON.stringify(list)).keys()]).toEqual([path("a", "x")]);
  expect(readPathInfos(JSON.stringify({ [path("a", "x")]: null })).size).toBe(0);
  expect(readPathInfos("error: no such store").size).toBe(0);
});

test.each([
  ["linux-6.12.1", "linux", "6.12.1"],
  ["nixos-system-web-26.05.1", "nixos-system-web", "26.05.1"],
  ["unit-a.service", "unit-a.service", ""],
  ["python3.13-pip-25.0", "python3.13-pip", "25.0"],
])("%s is %j in version %j", (base, name, version) => {
  expect(packageOf(path("a", base))).toEqual({ name, version });
});

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [2_700_000, "2.7 MB"],
  [-1500, "-1.5 kB"],
  [999_999, "1.0 MB"],
])("%d bytes are %j", (bytes, text) => {
  expect(bytesText(bytes)).toBe(text);
});
