/** With the real Nix: what is evaluated is fixed, and its fingerprint changes with what matters and with nothing else. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as fc from "fast-check";
import { evaluate } from "../../../../deployer/evaluation/evaluate.ts";
import {
  type FlakeArgs,
  fixFlake,
  type NixQuery,
  sourcePath,
} from "../../../../deployer/evaluation/flake.ts";
import { runProcess } from "../../../../deployer/process/runner.ts";
import { pathWithNix } from "../../nix/nix.ts";
import { flakeMetadata } from "./fake-nix.ts";

let directory: string;
let path: string | undefined;
beforeAll(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), "pantheros-flake-")));
  path = process.env["PATH"];
  process.env["PATH"] = pathWithNix();
});
afterAll(() => {
  process.env["PATH"] = path;
  rmSync(directory, { recursive: true });
});

const ask: NixQuery = (argv) => runProcess({ argv, timeoutSeconds: 60 });
const fix = (args: FlakeArgs) => fixFlake(args, ask);

const FLAKE = `{
  inputs.site = { url = "path:./none"; flake = false; };
  outputs = { self, site }: {
    deployTargets = builtins.mapAttrs (name: system: {
      drvPath = "/nix/store/\${name}.drv";
      toplevel = builtins.readFile ./hosts/\${name} + builtins.readFile "\${site}/name";
      inherit system;
      kernel = toString self.lastModified;
      inhibitors = {};
      units = {};
    }) { web = "x86_64-linux"; db = throw "db is broken"; last = "aarch64-linux"; };
  };
}`;

function write(name: string, files: Record<string, string>): string {
  const at = join(directory, name);
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(dirname(join(at, file)), { recursive: true });
    writeFileSync(join(at, file), content);
  }
  return at;
}
const fleet = (name: string, more: Record<string, string> = {}) =>
  write(name, { "flake.nix": FLAKE, "hosts/web": "web of ", "hosts/last": "last of ", ...more });
const flakeArgs = (at: string, site: string): FlakeArgs => ({
  flake: `path:${at}`,
  overrides: { site: `path:${site}` },
});

test("each host has its own result: one that throws names its cause, and those after it are there", async () => {
  const args = flakeArgs(fleet("results"), write("site (a)", { name: "a" }));
  const run = evaluate({
    ...args,
    overrides: { site: `path:${join(directory, "site (a)")}` },
    hosts: ["web", "db", "last", "gone"],
  });
  expect(await run.get("web")).toMatchObject({ target: { outPath: "web of a", system: "x86_64-linux" } });
  expect(await run.get("db")).toMatchObject({
    failure: { reason: expect.stringContaining("error: db is broken") },
  });
  expect(await run.get("last")).toMatchObject({ target: { outPath: "last of a" } });
  expect(await run.get("gone")).toMatchObject({
    failure: {
      reason: expect.stringContaining('deployTargets has no host "gone"'),
      hint: expect.stringContaining("add nix/hosts/HOST"),
    },
  });
});

test("a file that changes after the flake was read does not change the result", async () => {
  const at = fleet("race");
  const site = write("site-race", { name: "a" });
  const fixed = await fix(flakeArgs(at, site));
  writeFileSync(join(at, "hosts/web"), "changed ");
  writeFileSync(join(site, "name"), "changed");
  expect(fixed.flake).toMatch(/^path:\/nix\/store\/[0-9a-z]{32}-source$/);
  expect(await evaluate({ ...fixed, hosts: ["web"] }).get("web")).toMatchObject({
    target: { outPath: "web of a", kernel: "0" },
  });
});

test("the same files have the same fingerprint in any directory and at any time", async () => {
  const site = write("site-same", { name: "a" });
  const { fingerprint } = await fix(flakeArgs(fleet("same"), site));
  expect(fingerprint).toMatch(/^[0-9a-f]{64}$/);
  cpSync(join(directory, "same"), join(directory, "moved"), { recursive: true });
  utimesSync(join(directory, "moved/flake.nix"), 1, 1);
  expect((await fix(flakeArgs(join(directory, "moved"), site))).fingerprint).toBe(fingerprint);
});

test("every change of a file changes the fingerprint", async () => {
  const site = write("site-changes", { name: "a" });
  const at = fleet("changes");
  const seen = new Set([(await fix(flakeArgs(at, site))).fingerprint]);
  const changes: (() => void)[] = [
    () => writeFileSync(join(at, "hosts/web"), "web of  "),
    () => writeFileSync(join(at, "hosts/web"), "web on  "),
    () => writeFileSync(join(at, "hosts/new"), ""),
    () => writeFileSync(join(at, "hosts/script"), "", { mode: 0o755 }),
    () => symlinkSync("web", join(at, "hosts/link")),
    () => mkdirSync(join(at, "empty")),
    () => writeFileSync(join(at, "flake.nix"), `${FLAKE}\n`),
    () => writeFileSync(join(site, "name"), "b"),
    () => rmSync(join(at, "hosts/web")),
  ];
  for (const change of changes) {
    change();
    const { fingerprint } = await fix(flakeArgs(at, site));
    expect(fingerprint).toBeDefined();
    expect(seen).not.toContain(fingerprint);
    seen.add(fingerprint);
  }
});

test("uncommitted changes of a Git repository count, and are what is evaluated", async () => {
  const at = fleet("git", { ignored: "" });
  const site = write("site-git", { name: "a" });
  const git = (...args: string[]) =>
    ask(["git", "-C", at, "-c", "user.name=x", "-c", "user.email=x", ...args]);
  await git("init", "-q");
  await git("add", "flake.nix", "hosts");
  await git("commit", "-qm", "x");
  const args = { flake: `git+file://${at}`, overrides: { site: `path:${site}` } };
  const clean = await fix(args);
  expect(clean.flake).toContain("rev=");
  writeFileSync(join(at, "hosts/web"), "dirty ");
  const dirty = await fix(args);
  expect(dirty.fingerprint).not.toBe(clean.fingerprint);
  writeFileSync(join(at, "hosts/web"), "other ");
  expect((await fix(args)).fingerprint).not.toBe(dirty.fingerprint);
  expect(await evaluate({ ...dirty, hosts: ["web"] }).get("web")).toMatchObject({
    target: { outPath: "dirty a" },
  });
});

describe("with Nix's answers", () => {
  const settings = {
    "pure-eval": { value: true },
    system: { value: "x86_64-linux" },
    "max-jobs": { value: 1 },
  };
  const answers =
    (metadata: unknown, config: unknown = settings, version = "nix (Nix) 2.26.3"): NixQuery =>
    async (argv) => ({
      exitCode: 0,
      timedOut: false,
      stderr: "",
      stdout: argv.includes("metadata")
        ? JSON.stringify(metadata)
        : argv.includes("show")
          ? JSON.stringify(config)
          : version,
    });
  const args = { flake: "path:/fleet", overrides: { site: "path:/site" } };
  const of = async (...given: Parameters<typeof answers>) =>
    (await fixFlake(args, answers(...given))).fingerprint;
  const withInput = (locked: object, more: object = {}) => {
    const { locks, ...rest } = flakeMetadata();
    const nodes = { root: { inputs: { site: "site" } }, site: { locked, ...more } };
    return { ...rest, locks: { ...locks, nodes } };
  };
  const HASH = "sha256-iuecrMQuNF6XpjgOal7Kat7f+qTo1fwNX6NT+usxano=";

  test("Nix's version, a setting that matters and any input's hash change it; other settings do not", async () => {
    const input = withInput({ type: "path", path: "/site", narHash: HASH });
    const first = await of(input);
    expect(await of(input, settings, "nix (Nix) 2.27.0")).not.toBe(first);
    expect(await of(input, { ...settings, "system-features": { value: ["kvm"] } })).not.toBe(first);
    expect(
      await of(withInput({ type: "path", path: "/site", narHash: flakeMetadata().locked.narHash })),
    ).not.toBe(first);
    expect(await of(input, { ...settings, "max-jobs": { value: 8 } })).toBe(first);
    expect(await of(withInput({ type: "path", path: "/moved", narHash: HASH }))).toBe(first);
  });

  test("there is none when an input could change without a change of its lock, or the evaluation is impure", async () => {
    expect(await of(withInput({ type: "path", path: "/site" }))).toBeUndefined();
    expect(await of(withInput({ type: "github", owner: "o", repo: "r" }))).toBeUndefined();
    expect(await of(flakeMetadata(), { "pure-eval": { value: false } })).toBeUndefined();
    expect(await of(flakeMetadata(), "no JSON of settings")).toBeUndefined();
    expect(await of({ another: "form" })).toBeUndefined();
    // A part of another input has that input's hash.
    expect(await of(withInput({ type: "path", path: "./sub" }, { parent: [] }))).toBeDefined();
  });

  test("property: every field of a lock counts, except where a hashed directory is", async () => {
    const locked = fc.record({
      type: fc.constantFrom("github", "git", "path"),
      narHash: fc.constantFrom(HASH, flakeMetadata().locked.narHash),
      rev: fc.option(fc.constantFrom("abcd", "ef01"), { nil: undefined }),
      lastModified: fc.integer({ min: 0, max: 3 }),
      path: fc.constantFrom("/a", "/b"),
    });
    const content = ({ path: place, ...rest }: { path: string; type: string }) =>
      JSON.stringify(rest.type === "path" ? rest : { ...rest, place });
    await fc.assert(
      fc.asyncProperty(locked, locked, async (a, b) => {
        const same = (await of(withInput(a))) === (await of(withInput(b)));
        expect(same).toBe(content(a) === content(b));
      }),
    );
  });
});

test("the path of a source is Nix's", () => {
  const { path: expected, locked } = flakeMetadata();
  expect(sourcePath("/nix/store", locked.narHash)).toBe(expected);
});
