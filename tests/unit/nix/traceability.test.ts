import { existsSync, readFileSync } from "node:fs";
import { parse } from "smol-toml";
import { evaluate } from "./nix.ts";

interface Row {
  readonly id: string;
  readonly state: string;
  readonly where: string;
}

const rows: Row[] = readFileSync("docs/traceability.md", "utf8")
  .split("\n")
  .flatMap((line) => {
    const [, id = "", , state = "", where = ""] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    return /^[A-Z]-\d+$/.test(id) ? [{ id, state, where }] : [];
  });

const range = (kind: string, spans: readonly (readonly [number, number])[]) =>
  spans.flatMap(([from, to]) =>
    Array.from({ length: to - from + 1 }, (_, index) => `${kind}-${String(from + index).padStart(2, "0")}`),
  );

/** The ids of the requirements, whose numbering has gaps. */
const ids = [
  ...range("P", [
    [1, 11],
    [20, 35],
    [40, 44],
    [50, 56],
    [60, 68],
  ]),
  ...range("D", [[1, 32]]),
  ...range("N", [
    [1, 25],
    [30, 42],
    [50, 73],
    [80, 85],
    [90, 100],
    [110, 116],
    [120, 126],
    [130, 136],
    [140, 145],
    [150, 156],
  ]),
  ...range("C", [[1, 34]]),
  ...range("X", [[1, 8]]),
  ...range("W", [[1, 7]]),
];

const names = (where: string) => [...where.matchAll(/`([^`]+)`/g)].map((found) => found[1] ?? "");
const isOption = (name: string) =>
  /^(pantheros\.|services\.tailscale-pantheros|networking\.firewall-pantheros)/.test(name);
const isFile = (name: string) =>
  !isOption(name) && (name.includes("/") || /\.(ts|nix|md)$|^Makefile$/.test(name));

test("every requirement has exactly one row", () => {
  expect(ids).toHaveLength(242);
  expect(rows.map(({ id }) => id)).toEqual(ids);
});

test("every row has a state and a place", () => {
  const wrong = rows.filter(
    ({ state, where }) => !["here", "partly", "next"].includes(state) || where === "",
  );
  expect(wrong).toEqual([]);
});

test("every row that is met names a file or an option", () => {
  const vague = rows.filter(
    ({ state, where }) => state !== "next" && !names(where).some((name) => isFile(name) || isOption(name)),
  );
  expect(vague.map(({ id }) => id)).toEqual([]);
});

test("a met row names nothing as missing, and a partly met one does", () => {
  const speaks = (where: string) => /\bnext\b|\bnot yet\b|nothing sends|wait for a sender/.test(where);
  expect(rows.filter(({ state, where }) => state === "here" && speaks(where)).map(({ id }) => id)).toEqual(
    [],
  );
  expect(rows.filter(({ state, where }) => state === "partly" && !speaks(where)).map(({ id }) => id)).toEqual(
    [],
  );
});

const runs = (...modules: readonly string[]) =>
  `builtins.all (module: builtins.any (service: service.module == module) (builtins.attrValues fleet.services)) [ ${modules.map((name) => JSON.stringify(name)).join(" ")} ]`;
const hasBucket = (purpose: string) =>
  `builtins.any (bucket: bucket.purpose == "${purpose}") (builtins.attrValues fleet.buckets)`;

/** Rows that can be evaluated: an expression over nix/fleet.toml, true when the requirement is fully met. */
const evaluated: readonly (readonly [string, string])[] = [
  // Hosts read the fleet's own cache only if the inventory has its address and key (nix/modules/inventory.nix).
  ["D-04", "fleet.cache.url != null && fleet.cache.publicKey != null"],
  ["P-21", runs("attic")],
  ["P-27", runs("lldap", "authelia", "dex")],
  [
    "P-28",
    "builtins.length (builtins.filter (host: host.router != null) (builtins.attrValues fleet.hosts)) == 2",
  ],
  ["P-41", hasBucket("cache")],
  ["P-42", hasBucket("postgres")],
  ["P-44", hasBucket("backups")],
  ["N-120", runs("netdata", "grafana")],
  // Each program of the stack runs on some host of the fleet.
  ["N-122", runs("prometheus", "loki", "grafana", "alertmanager", "tempo")],
  // A service uses Dex for its sign-on.
  [
    "N-110",
    'builtins.any (service: service.module == "dex" && (service.options.clients or []) != []) (builtins.attrValues fleet.services)',
  ],
  // The program's secrets are in no vault that a host reads; inventory/vaults.ts refuses that too.
  [
    "P-61",
    'builtins.all (host: builtins.match "op://pantherOS/.*" host.secretsItem == null) (builtins.attrValues fleet.hosts)',
  ],
];

test.each(evaluated)("%s is marked as met only when the fleet does it", (id, expression) => {
  const met = evaluate(
    `let fleet = (import (nix + "/lib/fleet.nix")).fromFile (nix + "/fleet.toml"); in ${expression}`,
  );
  expect([id, rows.find((row) => row.id === id)?.state === "here"]).toEqual([id, met]);
});

test("every named file exists", () => {
  const missing = rows.flatMap(({ id, where }) =>
    names(where)
      .filter((name) => isFile(name) && !existsSync(name))
      .map((name) => `${id}: ${name}`),
  );
  expect(missing).toEqual([]);
});

test("every named inventory key exists", () => {
  const inventory: unknown = parse(readFileSync("nix/fleet.toml", "utf8"));
  const below = (value: unknown, key: string): unknown[] => {
    if (typeof value !== "object" || value === null) return [];
    return Object.entries(value).flatMap(([name, inner]) => (key === "NAME" || name === key ? [inner] : []));
  };
  const isThere = (key: string) =>
    key.split(".").reduce((values, part) => values.flatMap((value) => below(value, part)), [inventory])
      .length > 0;
  const named = rows.flatMap(({ id, where }) =>
    [...where.matchAll(/`nix\/fleet\.toml` \(([^)]+)\)/g)].flatMap(([, keys = ""]) =>
      keys.split(", ").map((key) => ({ id, key })),
    ),
  );
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter(({ key }) => !isThere(key))).toEqual([]);
});

test("every named option is declared, and a planned one is not marked as met", () => {
  const declared = evaluate(
    '(import (nix + "/../tools/nix/options.nix") { modules = nix + "/modules"; })',
  ) as { name: string; description: string }[];
  const known = new Map(declared.map(({ name, description }) => [name, description]));
  const unknown = rows.flatMap(({ id, where }) =>
    names(where)
      .filter((name) => isOption(name) && !known.has(name))
      .map((name) => `${id}: ${name}`),
  );
  expect(unknown).toEqual([]);

  const onlyPlanned = rows.filter(({ state, where }) => {
    const options = names(where).filter(isOption);
    const files = names(where).filter((name) => isFile(name) && name !== "nix/modules/planned/table.nix");
    const planned = options.filter((name) => known.get(name)?.startsWith("Planned"));
    return state === "here" && files.length === 0 && options.length > 0 && planned.length === options.length;
  });
  expect(onlyPlanned.map(({ id }) => id)).toEqual([]);
});
