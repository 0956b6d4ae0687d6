/** The wrappers under environments that are odd but legal. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import path from "node:path";
import { runProcess } from "../../../deployer/process/runner.ts";

const root = process.cwd();
const nodeFirst = `${path.dirname(process.execPath)}:${process.env["PATH"]}`;
let scratch = "";
beforeEach(() => {
  scratch = mkdtempSync(path.join(tmpdir(), "pantheros (odd) "));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

/** A checkout without node_modules: tools, and nothing that tools/setup installs. */
function bareCheckout(): string {
  const checkout = path.join(scratch, "checkout");
  mkdirSync(checkout);
  for (const name of ["tools", "cli", "sandbox", "deployer", "lib"]) {
    cpSync(path.join(root, name), path.join(checkout, name), { recursive: true });
  }
  return checkout;
}

/** Runs a wrapper by its relative path, as people do. */
const call = (wrapper: string, args: readonly string[], env: NodeJS.ProcessEnv, cwd = root) =>
  spawnSync(wrapper, args, {
    cwd,
    encoding: "utf8",
    env: { PATH: nodeFirst, HOME: scratch, PANTHEROS_PULUMI: "registry", ...env },
  });

/** The environment that tools/with gives to a program. */
const seen = (env: NodeJS.ProcessEnv): Record<string, string> =>
  Object.fromEntries(
    call("tools/with", ["env"], env)
      .stdout.split("\n")
      .map((line) => line.split(/=(.*)/).slice(0, 2)),
  );

test("CDPATH, a Git hook's variables and a missing HOME change nothing", () => {
  const trap = path.join(scratch, "elsewhere/tools");
  mkdirSync(trap, { recursive: true });
  const env = { CDPATH: path.dirname(trap), GIT_DIR: "/nowhere", GIT_INDEX_FILE: "index", HOME: undefined };
  expect(call("tools/with", ["true"], env)).toMatchObject({ status: 0, stderr: "" });
  const given = seen(env);
  expect(given).toMatchObject({ PANTHEROS_ROOT: root, HOME: userInfo().homedir });
  for (const name of ["CDPATH", "GIT_DIR", "GIT_INDEX_FILE"]) expect(given).not.toHaveProperty(name);
  expect(call("tools/setup", ["--help"], env)).toMatchObject({ status: 0, stderr: "" });
});

test("the deployer's commands have none of a Git hook's variables that the wrappers unset", async () => {
  const unset = /^unset (.*)$/m.exec(readFileSync("tools/env.sh", "utf8"))?.[1] ?? "";
  const names = unset.split(" ").filter((name) => name.startsWith("GIT_"));
  expect(names).toContain("GIT_DIR");
  for (const name of names) process.env[name] = "/nowhere";
  try {
    const { stdout } = await runProcess({ argv: ["env"], timeoutSeconds: 60, maxOutputBytes: 1e6 });
    const given = stdout.split("\n").map((line) => line.split("=")[0] ?? "");
    expect(names.filter((name) => given.includes(name))).toEqual([]);
  } finally {
    for (const name of names) delete process.env[name];
  }
});

test("HOME without a home directory: one line names the remedy", () => {
  const bin = path.join(scratch, "bin");
  mkdirSync(bin);
  writeFileSync(path.join(bin, "getent"), "#!/bin/sh\nexit 2\n", { mode: 0o755 });
  const { status, stderr } = call("tools/with", ["true"], { HOME: undefined, PATH: `${bin}:${nodeFirst}` });
  expect(status).toBe(2);
  expect(stderr).toMatch(/^with: HOME is not set and user \d+ has no home directory: set HOME\n$/);
});

describe("before set-up", () => {
  test.each([
    ["tools/pantheros", ["status"]],
    ["tools/sandbox", ["up"]],
    ["tools/build-key", ["--help"]],
  ])("%s %j: one line names make setup", (wrapper, args) => {
    const { status, stderr } = call(wrapper, args, {}, bareCheckout());
    expect(status).toBe(1);
    // tools/sandbox is tools/pantheros sandbox.
    const program = wrapper.replace("sandbox", "pantheros");
    expect(stderr).toBe(`${program}: Node or its packages are not installed: run make setup\n`);
  });

  test("tools/setup and tools/with have help, and tools/with names a missing program", () => {
    const checkout = bareCheckout();
    expect(call("tools/setup", ["--help"], {}, checkout)).toMatchObject({ status: 0, stderr: "" });
    expect(call("tools/with", ["--help"], {}, checkout)).toMatchObject({
      status: 0,
      stdout: "usage: tools/with COMMAND [ARGUMENT...]\n",
    });
    expect(call("tools/with", ["pulumi-missing", "up"], {}, checkout)).toMatchObject({
      status: 127,
      stderr: "tools/with: pulumi-missing is not installed: run make setup\n",
    });
  });

  test("tools/pantheros rollback --help needs no Pulumi CLI", () => {
    const checkout = bareCheckout();
    rmSync(checkout, { recursive: true });
    mkdirSync(checkout);
    for (const name of [
      "tools",
      "cli",
      "package.json",
      "inventory",
      "lib",
      "settings",
      "deployer",
      "components",
      "clients",
      "nix",
      "node_modules",
    ]) {
      symlinkSync(path.join(root, name), path.join(checkout, name));
    }
    // Only the programs that the wrapper and Node need.
    const bin = path.join(scratch, "bin");
    mkdirSync(bin);
    for (const name of ["sh", "dirname", "readlink", "id", "getent", "cut", "tr"]) {
      const found = spawnSync("which", [name], { encoding: "utf8" }).stdout.trim();
      symlinkSync(found, path.join(bin, name));
    }
    symlinkSync(process.execPath, path.join(bin, "node"));
    const { status, stdout } = call("tools/pantheros", ["rollback", "--help"], { PATH: bin }, checkout);
    expect([status, stdout.split("\n")[0]]).toEqual([0, expect.stringMatching(/rollback/)]);
  });
});

describe("proxies", () => {
  const PROXY = "http://proxy.example.test:3128";
  const proxies = (env: NodeJS.ProcessEnv) => {
    const given = seen(env);
    return ["no_proxy", "NO_PROXY", "https_proxy"].map((name) => given[name] ?? "none").join("|");
  };
  const local = "127.0.0.1,localhost,::1";

  test.each<[string, NodeJS.ProcessEnv, string]>([
    ["no proxy", {}, "none|none|none"],
    ["no list", { https_proxy: PROXY }, `${local}|${local}|${PROXY}`],
    [
      "blanks",
      { https_proxy: PROXY, no_proxy: " a.test, b.test ," },
      `a.test,b.test,${local}|a.test,b.test,${local}|${PROXY}`,
    ],
    [
      "upper case only",
      { https_proxy: PROXY, NO_PROXY: "a.test" },
      `a.test,${local}|a.test,${local}|${PROXY}`,
    ],
    [
      "a wildcard of a domain",
      { https_proxy: PROXY, no_proxy: "*.test" },
      `*.test,${local}|*.test,${local}|${PROXY}`,
    ],
    ["no proxy for any host", { https_proxy: PROXY, no_proxy: "*" }, "*|*|none"],
  ])("%s: the engine's own connections use none", (_, env, expected) => expect(proxies(env)).toBe(expected));
});
