import { spawn } from "node:child_process";
import { chmodSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EvaluationCache } from "../../../../deployer/evaluation/cache.ts";
import { EvaluationError } from "../../../../deployer/evaluation/errors.ts";
import { type EvaluateArgs, evaluate } from "../../../../deployer/evaluation/evaluate.ts";
import type { HostEvaluation } from "../../../../deployer/evaluation/target.ts";
import type { EvaluationProcess } from "../../../../deployer/evaluation/workers.ts";
import { until } from "../../programs.ts";
import { drv } from "../fixtures.ts";
import { evaluated, FakeNix, flakeMetadata, STORE_PATH } from "./fake-nix.ts";

let nix: FakeNix;
beforeEach(() => {
  nix = new FakeNix(["web", "in", "db", "a", "b", "c", "d"]);
});
afterEach(() => nix.remove());

async function results(args: EvaluateArgs): Promise<Record<string, HostEvaluation>> {
  const found = [...evaluate(args)].map(async ([host, result]) => [host, await result] as const);
  return Object.fromEntries(await Promise.all(found));
}
const { toplevel, ...rest } = evaluated("web");
const web = { target: { ...rest, outPath: toplevel } };

test("the copy of the flake in the store is evaluated; a host's name may be a keyword of Nix", async () => {
  const overrides = { site: "path:/x y" };
  expect(await results(nix.args(["web", "in"], { overrides }))).toMatchObject({ web, in: { target: {} } });
  expect(nix.processes()).toEqual([["web", "in"]]);
  expect(nix.calls("flake metadata")).toEqual([
    expect.stringContaining("--override-input site path:/x%20y path:/fleet"),
  ]);
  expect(nix.calls(" eval ")[0]).toContain(`path:${STORE_PATH}#deployTargets`);
  expect(nix.calls(" eval ")[0]).toContain("--no-write-lock-file");
});

test("an empty stack starts no Nix", async () => {
  expect(await results(nix.args([]))).toEqual({});
  expect(nix.calls("nix")).toEqual([]);
});

describe("kept results", () => {
  const again = async (more: Partial<EvaluateArgs> = {}, hosts = ["web", "db"]) => {
    const before = nix.processes().length;
    expect(await results(nix.args(hosts, more))).toMatchObject({ web });
    return nix.processes().slice(before);
  };

  test("an unchanged flake is not evaluated again; a new host is evaluated alone", async () => {
    expect(await again()).toEqual([["web", "db"]]);
    expect(await again()).toEqual([]);
    expect(await again({}, ["web", "db", "in"])).toEqual([["in"]]);
  });

  test("a changed flake is evaluated again, and the old results stay for its return", async () => {
    await again();
    nix.file(
      "metadata",
      JSON.stringify(flakeMetadata("sha256-iuecrMQuNF6XpjgOal7Kat7f+qTo1fwNX6NT+usxano=")),
    );
    expect(await again()).toEqual([["web", "db"]]);
    nix.file("metadata", JSON.stringify(flakeMetadata()));
    expect(await again()).toEqual([]);
  });

  test("a result whose derivation is gone is evaluated again, except for a preview that may do without", async () => {
    await again();
    nix.file("invalid", `${evaluated("db").drvPath}\n`);
    expect(await again({ withoutDerivations: true })).toEqual([]);
    expect(await again()).toEqual([["db"]]);
    nix.file("invalid", `${drv("e")}\n`); // disko's, of both hosts
    expect(await again()).toEqual([["web", "db"]]);
  });

  test.each<[string, (file: string) => void]>([
    ["is cut", (file) => writeFileSync(file, readFileSync(file, "utf8").slice(0, -20))],
    ["is empty", (file) => writeFileSync(file, "")],
    ["has another form", (file) => writeFileSync(file, '{"schemaVersion":1}')],
    ["is of another version", (file) => edit(file, { schemaVersion: 0 })],
    ["is another result's", (file) => edit(file, { key: "0".repeat(64) })],
    ["may be read by others", (file) => chmodSync(file, 0o644)],
    ["is a link", (file) => link(file)],
  ])("a file that %s is evaluated again, and replaced", async (_, damage) => {
    await again({}, ["web"]);
    for (const file of nix.results()) damage(file);
    expect(await again({}, ["web"])).toEqual([["web"]]);
    expect(await again({}, ["web"])).toEqual([]);
  });
  const edit = (file: string, more: object) =>
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), ...more }));
  const link = (file: string) => {
    const elsewhere = join(nix.directory, "elsewhere");
    writeFileSync(elsewhere, readFileSync(file), { mode: 0o600 });
    rmSync(file);
    symlinkSync(elsewhere, file);
  };

  test("they are the user's alone", async () => {
    await again();
    expect(statSync(nix.cache).mode & 0o777).toBe(0o700);
    expect(nix.results().map((file) => statSync(file).mode & 0o777)).toEqual([0o600, 0o600]);
  });

  test("nothing is kept of an impure evaluation, or without a cache", async () => {
    expect([await again({ cache: undefined }), await again({ cache: undefined })]).toHaveLength(2);
    nix.file("settings", JSON.stringify({ "pure-eval": { value: false } }));
    await again();
    expect(await again()).toEqual([["web", "db"]]);
  });

  test("a cache that can't be written fails nothing", async () => {
    nix.file("blocked", "");
    const cache = join(nix.directory, "blocked/cache");
    expect(await again({ cache })).toEqual([["web", "db"]]);
  });

  test("two runs at once both have all results, and leave whole files", async () => {
    const runs = await Promise.all([results(nix.args(["web", "db"])), results(nix.args(["web", "db"]))]);
    expect(runs[0]).toEqual(runs[1]);
    expect(nix.results()).toHaveLength(2);
    expect(await again()).toEqual([]);
  });

  test("the least recently used ones go when they take too much space", async () => {
    const size = JSON.stringify(evaluated("a")).length;
    const cache = new EvaluationCache(nix.cache, size * 3);
    for (const [at, host] of ["a", "b", "c", "d"].entries()) {
      const known = new Set(at === 0 ? [] : nix.results());
      await cache.write("f", host, evaluated(host));
      const [file] = nix.results().filter((name) => !known.has(name));
      if (file !== undefined) utimesSync(file, at + 1, at + 1);
    }
    expect(await cache.read("f", "a")).toBeDefined(); // used now
    await cache.prune();
    const left = await Promise.all(["a", "b", "c", "d"].map((host) => cache.read("f", host)));
    expect(left.map((found) => found !== undefined)).toEqual([true, false, false, true]);
  });

  test("a killed run leaves no half result, and what it was writing is removed later", async () => {
    const units = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, at) => [`u${at}.service`, "/nix/store/u"]),
    );
    nix.file("large", JSON.stringify({ ...evaluated("web"), units }));
    const program = `
      import { readFileSync } from "node:fs";
      import { EvaluationCache } from "${process.cwd()}/deployer/evaluation/cache.ts";
      const cache = new EvaluationCache(process.argv[1]);
      const large = JSON.parse(readFileSync(process.argv[2], "utf8"));
      for (let at = 0; ; at += 1) { await cache.write("f", String(at % 3), large); if (at === 3) console.log("ready"); }`;
    const argv = ["--input-type=module", "-e", program, nix.cache, join(nix.directory, "large")];
    const child = spawn(process.execPath, argv);
    await new Promise((resolve) => child.stdout.once("data", resolve));
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("exit", resolve));
    const cache = new EvaluationCache(nix.cache);
    for (const host of ["0", "1", "2"])
      expect(Object.keys((await cache.read("f", host))?.units ?? {})).toHaveLength(20_000);
    const part = join(nix.cache, "x.part");
    writeFileSync(part, "half");
    utimesSync(part, 1, 1);
    await cache.prune();
    expect(nix.results()).not.toContain(part);
  });
});

describe("several processes", () => {
  const hosts = ["a", "b", "c", "d", "web", "db"];

  test("no more run at once than the setting says, and they share the memory", async () => {
    for (const host of hosts) nix.file(`wait-${host}`, "");
    const run = results(nix.args(hosts, { limits: { workers: 3, memoryMb: 2400 } }));
    await until(() => nix.processes().length === 3);
    for (const host of hosts) rmSync(join(nix.directory, `wait-${host}`));
    await run;
    expect(Math.max(...nix.atOnce())).toBe(3);
    expect(nix.processes().flat().sort()).toEqual([...hosts].sort());
    expect(new Set(nix.heaps().flat())).toEqual(new Set([700_000_000]));
  });

  test("each process reports its hosts and Nix's statistics when it ends, before the end of all", async () => {
    const ended: string[] = [];
    const limits = { workers: 2, memoryMb: 4000 };
    const { promise, resolve } = Promise.withResolvers<void>();
    const onProcess = ({ hosts: own, statistics }: EvaluationProcess) =>
      ended.push(`${own.join(" ")} ${statistics}`);
    await results(nix.args(["a", "b", "c"], { limits, onProcess, onEnd: resolve }));
    await promise;
    expect(ended.sort()).toEqual(["a c 2 hosts", "b 1 hosts"]);
  });

  test("a host's result is there before the next host is evaluated, and before other processes end", async () => {
    nix.file("wait-b", "");
    nix.file("wait-c", "");
    const run = evaluate(nix.args(["a", "c", "b", "d"], { limits: { workers: 2, memoryMb: 4000 } }));
    expect(await run.get("a")).toHaveProperty("target");
    expect(nix.processes()).toContainEqual(["a", "b"]);
    rmSync(join(nix.directory, "wait-b"));
    expect(await run.get("b")).toHaveProperty("target");
    rmSync(join(nix.directory, "wait-c"));
    expect(await run.get("d")).toHaveProperty("target");
  });

  test("a process without memory continues in a new one", async () => {
    nix.file("used", "1000000000");
    const run = await results(nix.args(["a", "b", "c", "d"], { limits: { workers: 1, memoryMb: 2600 } }));
    expect(Object.values(run).filter((result) => "target" in result)).toHaveLength(4);
    expect(nix.processes()).toEqual([
      ["a", "b", "c", "d"],
      ["c", "d"],
    ]);
  });

  test("a host that needs more than a process's share gets all the memory, at the end and alone", async () => {
    nix.file("memory-a", "3000000000");
    const run = await results(nix.args(["a", "b", "c"], { limits: { workers: 2, memoryMb: 4000 } }));
    expect(Object.values(run).filter((result) => "target" in result)).toHaveLength(3);
    expect(nix.processes().at(-1)).toEqual(["a"]);
    expect(nix.heaps().at(-1)).toEqual([3_900_000_000, 3_900_000_000]);
  });

  test("one that needs more than all of it fails alone, with the setting in the hint", async () => {
    nix.file("memory-a", "9000000000");
    const run = await results(nix.args(["a", "b"], { limits: { workers: 2, memoryMb: 4000 } }));
    expect(run["a"]).toMatchObject({
      failure: { reason: "error: out of memory", hint: expect.stringContaining("evaluationMemoryMb") },
    });
    expect(run["b"]).toHaveProperty("target");
  });
});

describe("errors", () => {
  const error = (text: string) =>
    `warning: Git tree is dirty\nerror:\n       … while calling\n       error: ${text}\n`;

  test("one host's error names the cause and the command; the hosts before and after it have results", async () => {
    nix.file("fail-b", error("The option `services.nope' does not exist.\n       - In `b.nix'"));
    const run = await results(nix.args(["a", "b", "c"], { overrides: { site: "path:/x y" } }));
    expect(run["b"]).toEqual({
      failure: {
        command: expect.stringMatching(/nix .* eval .*path:\/x%20y.* 'path:\/fleet#deployTargets."b"'$/),
        exitCode: 1,
        reason: "       error: The option `services.nope' does not exist.\n       - In `b.nix'",
        hint: expect.stringContaining("--show-trace"),
      },
    });
    expect([run["a"], run["c"]]).toEqual([{ target: expect.anything() }, { target: expect.anything() }]);
    expect(nix.processes()).toEqual([["a", "b", "c"], ["c"]]);
    // The others are kept.
    await results(nix.args(["a", "b", "c"]));
    expect(nix.processes().slice(2)).toEqual([["b"]]);
  });

  test("the same error of several hosts is given in full once", async () => {
    for (const host of ["a", "b"])
      nix.file(`fail-${host}`, error("undefined variable 'x'\n       at /shared.nix:1"));
    const run = await results(nix.args(["a", "b"]));
    expect(run["a"]).toMatchObject({ failure: { reason: expect.stringContaining("/shared.nix:1") } });
    expect(run["b"]).toMatchObject({
      failure: { reason: "       error: undefined variable 'x' (the error of a in full)" },
    });
  });

  test("a target of another form is its host's failure", async () => {
    nix.file("target-a", '{"drvPath":1}');
    const run = await results(nix.args(["a", "b"]));
    expect(run["a"]).toMatchObject({
      failure: {
        reason: expect.stringMatching(/deployTargets.a does not have the expected form:\n.*drvPath/s),
      },
    });
    expect(run["b"]).toHaveProperty("target");
  });

  test("at the time limit the hosts without a result fail", async () => {
    nix.file("wait-b", "");
    const run = await results(nix.args(["a", "b", "c"], { timeoutSeconds: 2 }));
    expect(run["a"]).toHaveProperty("target");
    expect(run["b"]).toMatchObject({ failure: { reason: "the evaluation did not finish in time" } });
    expect(run["c"]).toMatchObject({ failure: { hint: expect.stringContaining("evaluate in fleet.toml") } });
  });

  const rejections = async (args: EvaluateArgs) =>
    Promise.all(
      [...evaluate(args).values()].map((result) =>
        result.then(
          () => undefined,
          (reason: unknown) => reason,
        ),
      ),
    );

  test("a flake that can't be read is one error for all hosts, also when that is awaited later", async () => {
    nix.file("broken", error("syntax error, unexpected '}'"));
    const run = evaluate(nix.args(["a", "b"]));
    await new Promise((resolve) => setTimeout(resolve, 100)); // it fails before it is awaited
    await expect(run.get("a")).rejects.toThrow(
      /failed \(exit 1\): path:\/fleet\n\| \s*error: syntax error(.|\n)*hint: (.|\n)*command: nix/,
    );
    const [first, second] = await rejections(nix.args(["a", "b"]));
    expect(first).toBeInstanceOf(EvaluationError);
    expect(second).toBe(first);
    expect(nix.processes()).toEqual([]);
  });

  test("a line that Nix did not finish is no result", async () => {
    nix.file("target-b", '{ "drvPath": ');
    nix.file("fail-c", "killed");
    const found = await results(nix.args(["a", "b", "c"]));
    expect(found["a"]).toHaveProperty("target");
    expect([found["b"], found["c"]]).toEqual([
      { failure: expect.anything() },
      { failure: expect.anything() },
    ]);
  });

  test("so are deployTargets that can't be read, and a Nix that is missing", async () => {
    nix.file("fail", error("path '/nix/fleet.toml' does not exist"));
    const limits = { workers: 2, memoryMb: 4000 };
    const found = await rejections(nix.args(["a", "b"], { limits }));
    expect(new Set(found).size).toBe(1);
    expect(found[0]).toHaveProperty("message", expect.stringMatching(/fleet.toml.*\n.*\n.*--apply/));
    const path = process.env["PATH"];
    process.env["PATH"] = nix.cache;
    const [missing] = await rejections(nix.args(["a"]));
    process.env["PATH"] = path;
    expect(missing).toHaveProperty("message", expect.stringContaining("hint: Nix is not on PATH"));
  });
});
