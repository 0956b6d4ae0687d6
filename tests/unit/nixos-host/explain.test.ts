import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type { Wanted } from "../../../components/nixos-host/pin.ts";
import { explain } from "../../../components/nixos-host/preview/explain.ts";
import { foldLines, MAX_LINES } from "../../../components/nixos-host/preview/fold.ts";
import type { EvaluationFailure } from "../../../deployer/evaluation/target.ts";
import type { Probe } from "../../../deployer/probe.ts";
import { drv, newSystem, status } from "../deployer/fixtures.ts";
import { record } from "../mocks.ts";
import { previewText } from "./preview-text.ts";

const target: Wanted = {
  drvPath: drv("b"),
  outPath: newSystem,
  system: "x86_64-linux",
  kernel: "/nix/store/k/bzImage",
  inhibitors: {},
  units: {},
};
const reached = (more = {}): Probe => ({ reached: true, user: "deploy", status: status(more) });
const diff = {
  before: 400_000_000,
  after: 402_700_000,
  fresh: 12_000_000,
  freshPaths: 7,
  changed: ["linux 6.12 -> 6.18"],
  added: ["bar 2.0"],
  removed: [],
  rebuilt: ["etc"],
};

test("a built closure: its size, packages and rebuilt paths, without `(not built)`", () => {
  expect(previewText("web", target, reached(), { closures: { built: true, diff } })).toBe(
    [
      "web: a different system is wanted",
      "  runs    aaaaaaa nixos-system-web-25.11",
      "  wanted  bbbbbbb nixos-system-web-25.11",
      "  size    400.0 MB -> 402.7 MB (+2.7 MB); new 12.0 MB in 7 paths",
      "  package ~ linux 6.12 -> 6.18  + bar 2.0",
      "  rebuilt etc",
    ].join("\n"),
  );
  expect(previewText("web", target, reached(), { closures: { built: true } })).not.toContain("not built");
});

describe("many hosts", () => {
  const host = (name: string, lines: number) => [
    { text: `${name}: a different system is wanted`, rank: 0 },
    ...Array.from({ length: lines }, (_, at) => ({ text: `  ${name} ${at}`, rank: lines - at })),
  ];

  test("short texts are shown whole", () => {
    expect(foldLines([host("a", 2), host("b", 1)], "f.md").split("\n")).toEqual([
      ...["a: a different system is wanted", "  a 0", "  a 1"],
      ...["b: a different system is wanted", "  b 0"],
    ]);
  });

  test("five hosts with long texts: the most important lines, in order, and the file with the rest", () => {
    const text = foldLines(
      ["a", "b", "c", "d", "e"].map((name) => host(name, 40)),
      ".preview/production.md",
    ).split("\n");
    expect(text.length).toBeLessThanOrEqual(MAX_LINES);
    expect(text.slice(0, 4)).toEqual(["a: a different system is wanted", "  a 37", "  a 38", "  a 39"]);
    expect(text.at(-1)).toBe("and 185 more lines in .preview/production.md");
  });

  test("a hundred hosts: a line for each host", () => {
    const hosts = Array.from({ length: 100 }, (_, at) => host(`h${at}`, 9));
    expect(foldLines(hosts, "f").split("\n")).toHaveLength(101);
  });
});

describe("in a preview", () => {
  const directory = mkdtempSync(join(tmpdir(), "pantheros-explain-"));
  const file = join(directory, "deep", "preview.md");
  const info = jest.spyOn(pulumi.log, "info").mockResolvedValue();
  afterEach(() => info.mockClear());
  afterAll(() => {
    info.mockRestore();
    rmSync(directory, { recursive: true });
  });

  const queries = async (
    probe: Probe,
    preview = true,
    inspected = (seen: Probe) => seen,
    failure?: EvaluationFailure,
  ) => {
    const functions = {
      "command:local:run": () => ({ stdout: JSON.stringify({ web: { built: true, diff } }), stderr: "" }),
    };
    const { recording } = await record(
      () => {
        const hosts = [
          {
            hostname: "web",
            converge: "must" as const,
            reboot: "never" as const,
            target: pulumi.output(target),
            notEvaluated: pulumi.output(failure),
            seen: pulumi.output(probe),
            inspect: () => pulumi.output(inspected(probe)),
          },
        ];
        const waves = new Map([["web", 2]]);
        const cache = "https://cache.example.test";
        return explain({ hosts, waves, stack: "production", file, cache, seconds: 9 }, {});
      },
      { functions, preview },
    );
    return recording.calls.map(({ inputs }) => inputs);
  };

  test("one message for all hosts, one query of all closures, and the full text in a file", async () => {
    const calls = await queries(reached());
    expect(calls).toHaveLength(1);
    expect(JSON.parse(String(calls[0]?.["stdin"]))).toEqual({
      hosts: { web: { from: status().system, to: newSystem } },
      seconds: 9,
      cache: "https://cache.example.test",
    });
    expect(info).toHaveBeenCalledTimes(1);
    expect(info).toHaveBeenCalledWith(
      expect.stringMatching(/^web: a different system is wanted\n(.*\n)*.*linux 6.12/),
    );
    expect(readFileSync(file, "utf8")).toMatch(
      /^# Hosts that would change: production\n\n```\nweb: a different/,
    );
  });

  test("the units are read only if the system differs; if that fails, the first probe is shown", async () => {
    const units = { "web.service": "/nix/store/x-unit-web.service/web.service" };
    const inspections: Probe[] = [];
    await queries(reached(), true, (probe) => {
      inspections.push(probe);
      return reached({ units });
    });
    expect(info).toHaveBeenLastCalledWith(expect.stringContaining("  units   - web.service"));
    await queries(reached(), true, () => ({ reached: false, reason: "no answer in time" }));
    expect(info).toHaveBeenLastCalledWith(expect.stringMatching(/^web: a different system is wanted\n/));
    await queries(reached({ system: newSystem, token: "t" }), true, (probe) => {
      inspections.push(probe);
      return probe;
    });
    expect(inspections).toHaveLength(1);
  });

  test("a host that can't be evaluated is listed with Nix's error", async () => {
    const failure = { command: "nix eval", reason: "error: no such option\n  at web.nix", hint: "fix it" };
    expect(await queries(reached(), true, undefined, failure)).toEqual([]);
    expect(info).toHaveBeenLastCalledWith(
      "web: can't be evaluated\n  | error: no such option\n  |   at web.nix\n  hint    fix it",
    );
    expect(readFileSync(file, "utf8")).toContain("web: can't be evaluated");
  });

  test("no query and no message for converged hosts, for hosts without a probe, and in an up", async () => {
    expect(await queries(reached({ system: newSystem, token: "t" }))).toEqual([]);
    expect(await queries({ reached: false, reason: "not asked" })).toEqual([]);
    expect(await queries(reached(), false)).toEqual([]);
    expect(info).not.toHaveBeenCalled();
  });
});
