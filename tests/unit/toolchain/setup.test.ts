import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { isDebian } from "../../../tools/toolchain/browser.ts";
import { run, SetupError } from "../../../tools/toolchain/command.ts";
import { missingPackages } from "../../../tools/toolchain/debian.ts";
import { chooseGo, parseVersion } from "../../../tools/toolchain/go.ts";
import { isRecentNix, nixWrapper } from "../../../tools/toolchain/nix.ts";
import { installedAsLocked } from "../../../tools/toolchain/npm.ts";
import { buildAtomically, readSetupContext, removeStaleParts } from "../../../tools/toolchain/paths.ts";
import { type Capabilities, sandboxObstacles } from "../../../tools/toolchain/prerequisites.ts";
import { runSteps, type Step } from "../../../tools/toolchain/steps.ts";

let scratch = "";
beforeEach(() => {
  scratch = mkdtempSync(path.join(tmpdir(), "pantheros-setup-"));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

describe("folders", () => {
  test("an interrupted build keeps the old folder and leaves a temporary one, which the next set-up removes", async () => {
    const target = path.join(scratch, "tool");
    mkdirSync(target);
    writeFileSync(path.join(target, "old"), "");
    await expect(
      buildAtomically(target, async (part) => {
        writeFileSync(path.join(part, "half"), "");
        throw new Error("interrupted");
      }),
    ).rejects.toThrow("interrupted");
    expect(readdirSync(target)).toEqual(["old"]);

    const dead = `${target}.part-4194304`;
    mkdirSync(dead);
    removeStaleParts(scratch);
    expect(existsSync(dead)).toBe(false);
    // The folder of this running process is not stale.
    expect(existsSync(`${target}.part-${process.pid}`)).toBe(true);
  });

  test("a complete build replaces the old folder", async () => {
    const target = path.join(scratch, "tool");
    mkdirSync(target);
    writeFileSync(path.join(target, "old"), "");
    await buildAtomically(target, async (part) => writeFileSync(path.join(part, "new"), ""));
    expect(readdirSync(target)).toEqual(["new"]);
    expect(readdirSync(scratch)).toEqual(["tool"]);
  });

  test("a missing variable is named", () => {
    expect(() => readSetupContext({ PANTHEROS_ROOT: "/r" }, "x64")).toThrow("PANTHEROS_CACHE");
    expect(() => readSetupContext({}, "riscv64")).toThrow("riscv64");
  });
});

describe("commands", () => {
  const options = (seconds = 20) => ({
    step: "step",
    log: path.join(scratch, "log"),
    seconds,
    hint: "do this",
  });

  test("a failure's message has step, command, exit code, the output's end and the hint", async () => {
    const failure = run(["sh", "-c", "echo first; echo last >&2; exit 7"], options());
    await expect(failure).rejects.toThrow(SetupError);
    await expect(failure).rejects.toThrow(/step: sh -c .*exit code 7[\s\S]*first\nlast[\s\S]*hint: do this/);
  });

  test("a command that takes too long is killed", async () => {
    await expect(run(["sleep", "30"], options(0.1))).rejects.toThrow("timed out after 0.1 s");
  });

  test("a program that does not exist is an error, not a crash", async () => {
    await expect(run(["/does/not/exist"], options())).rejects.toThrow("cannot start");
  });
});

describe("steps", () => {
  const step = (name: string, after: string[], work: Partial<Step>): Step => ({
    name,
    after,
    description: "working",
    present: () => undefined,
    install: async () => {},
    ...work,
  });

  test("a present step is not installed, one that depends on a failure is skipped, others continue", async () => {
    const installed: string[] = [];
    const lines: string[] = [];
    const outcomes = await runSteps(
      [
        step("there", [], { present: () => "1.0", install: async () => void installed.push("there") }),
        step("broken", [], {
          install: async () => {
            throw new Error("no network");
          },
        }),
        step("needs broken", ["broken"], { install: async () => void installed.push("needs broken") }),
        step("needs skipped", ["needs broken"], {
          install: async () => void installed.push("needs skipped"),
        }),
        step("apart", ["there"], { install: async () => void installed.push("apart") }),
      ],
      (line) => lines.push(line),
    );
    expect(installed).toEqual(["apart"]);
    expect([...outcomes.values()].map(({ kind }) => kind)).toEqual([
      "present",
      "failed",
      "skipped",
      "skipped",
      "installed",
    ]);
    expect(outcomes.get("broken")).toMatchObject({ reason: "no network" });
    expect(lines).toContain("there: 1.0");
    expect(lines).toContain("needs broken: skipped, because broken failed");
  });

  test("independent steps run at the same time", async () => {
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const outcomes = await runSteps(
      [step("waits", [], { install: () => gate }), step("frees it", [], { install: async () => release() })],
      () => {},
    );
    expect([...outcomes.values()].map(({ kind }) => kind)).toEqual(["installed", "installed"]);
  });
});

describe("npm packages", () => {
  const locked = {
    "": {},
    "node_modules/a": { version: "1.0.0", integrity: "sha512-a" },
    "node_modules/win": { version: "1.0.0", integrity: "sha512-w", optional: true },
  };
  test("packages of other platforms may be absent, others not", () => {
    expect(installedAsLocked(locked, { "node_modules/a": locked["node_modules/a"] })).toBe(true);
    expect(installedAsLocked(locked, { "node_modules/win": locked["node_modules/win"] })).toBe(false);
  });
  test("a different version, or a package that is not in the lock file, is a difference", () => {
    expect(installedAsLocked(locked, { "node_modules/a": { version: "1.0.1", integrity: "sha512-a" } })).toBe(
      false,
    );
    const more = { "node_modules/a": locked["node_modules/a"], "node_modules/b": { version: "1.0.0" } };
    expect(installedAsLocked(locked, more)).toBe(false);
  });
});

describe("this machine", () => {
  const able: Capabilities = { linux: true, root: true, apt: true, namespaces: undefined, cgroup2: true };
  test("a capable one has no obstacles", () => expect(sandboxObstacles(able)).toEqual([]));
  test.each<[string, Partial<Capabilities>, RegExp]>([
    ["not Linux", { linux: false }, /not Linux/],
    ["not root", { root: false }, /not root/],
    ["no apt", { apt: false }, /apt-get/],
    ["no namespaces", { namespaces: "unshare: Operation not permitted" }, /Operation not permitted/],
    ["no cgroup2", { cgroup2: false }, /cgroup2/],
  ])("%s is reported", (_name, change, message) => {
    expect(sandboxObstacles({ ...able, ...change })).toEqual([expect.stringMatching(message)]);
  });
});

test("unknown, removed and half-installed packages are missing", () => {
  const query = "jq installed\npatchelf config-files\nnftables half-installed\n";
  expect(missingPackages(["jq", "patchelf", "nftables", "sqlite3"], query)).toEqual([
    "patchelf",
    "nftables",
    "sqlite3",
  ]);
});

test("the browser's package is asked for on Debian only: that of Ubuntu needs snap", () => {
  expect(isDebian('NAME="Debian GNU/Linux"\nID=debian\n')).toBe(true);
  expect(isDebian("ID=ubuntu\nID_LIKE=debian\n")).toBe(false);
});

describe("Nix", () => {
  test.each([
    ["nix (Nix) 2.26.3", true],
    ["nix (Nix) 2.20.0", true],
    ["nix (Nix) 3.1.0", true],
    ["nix (Lix, like Nix) 2.93.0", true],
    ["nix (Nix) 2.8.0", false],
    ["nix (Nix) 2.18.1", false],
    ["", false],
    [undefined, false],
  ])("%s is recent enough: %s", (line, answer) => expect(isRecentNix(line)).toBe(answer));

  test("the wrapper keeps the user's configuration", async () => {
    const target = path.join(scratch, "nix");
    mkdirSync(path.join(target, "root/usr/bin"), { recursive: true });
    writeFileSync(path.join(target, "root/usr/bin/nix"), '#!/bin/sh\necho "$NIX_CONF_DIR $*"\n', {
      mode: 0o755,
    });
    const wrapper = path.join(scratch, "wrapper");
    writeFileSync(wrapper, nixWrapper(target, "nix"), { mode: 0o755 });
    const log = path.join(scratch, "log");
    const answer = async (env: NodeJS.ProcessEnv) => {
      await run([wrapper, "eval", "two words"], {
        step: "nix",
        log,
        seconds: 20,
        env: { PATH: process.env["PATH"], ...env },
      });
      return readFileSync(log, "utf8").trim();
    };
    expect(await answer({})).toBe(`${target}/etc eval two words`);
    expect(await answer({ NIX_CONF_DIR: "/mine" })).toBe("/mine eval two words");
  });
});

describe("Go", () => {
  test.each([
    ["go version go1.26.8 linux/amd64", [1, 26, 8]],
    ["1.25.11", [1, 25, 11]],
    ["go1.22", [1, 22, 0]],
    ["nothing", undefined],
  ])("%s", (text, version) => expect(parseVersion(text)).toEqual(version));

  test("a recent Go is used, one from 1.21 on downloads its toolchain, an older one is replaced", () => {
    expect(chooseGo([1, 25, 11], [1, 25, 11])).toBe("installed");
    expect(chooseGo([1, 26, 0], [1, 25, 11])).toBe("installed");
    expect(chooseGo([1, 25, 10], [1, 25, 11])).toBe("toolchain");
    expect(chooseGo([1, 21, 0], [1, 25, 11])).toBe("toolchain");
    expect(chooseGo([1, 19, 8], [1, 25, 11])).toBe("registry");
    expect(chooseGo(undefined, [1, 25, 11])).toBe("registry");
  });
});
