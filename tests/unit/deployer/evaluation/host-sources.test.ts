/** With the real Nix: a host's result depends on the shared files and its own folder, and is never out of date. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as fc from "fast-check";
import { type EvaluateArgs, evaluate } from "../../../../deployer/evaluation/evaluate.ts";
import { narHash, readTree, writeTree } from "../../../../deployer/evaluation/nar.ts";
import { attempt, pathWithNix, run } from "../../nix/nix.ts";
import { Programs } from "../../programs.ts";

let directory: string;
let programs: Programs;
let leave: () => void;
let path: string | undefined;
beforeAll(() => {
  path = process.env["PATH"];
  process.env["PATH"] = pathWithNix();
  const nix = attempt("sh", "-c", "command -v nix").stdout.trim();
  directory = realpathSync(mkdtempSync(join(tmpdir(), "pantheros-hosts-")));
  programs = new Programs("host-sources");
  programs.program("nix", `exec ${nix} "$@"`);
  leave = programs.enter();
});
afterAll(() => {
  leave();
  programs.remove();
  process.env["PATH"] = path;
  rmSync(directory, { recursive: true });
});

/** The value of a host: what the Nix function `value` makes of its name, its folder, and the flake's own files. */
const flake = (value: string) => `{
  outputs = { self }: let
    value = ${value};
    target = name: folder: {
      drvPath = "/nix/store/\${name}.drv";
      toplevel = value { inherit name folder self; };
      system = "x86_64-linux";
      kernel = "";
      inhibitors = {};
      units = {};
    };
    names = builtins.fromJSON (builtins.readFile ./fleet.json);
    folderOf = name: let folder = ./hosts + "/\${name}"; in if builtins.pathExists folder then folder else null;
  in {
    deployTargets = builtins.listToAttrs (map (name: { inherit name; value = target name (folderOf name); }) names);
    deployTargetOf = { name, folder }: target name folder;
  };
}`;
const OWN_FILE = `{ name, folder, ... }: if folder == null then "none" else builtins.readFile (folder + "/value")`;

let count = 0;
class Fleet {
  readonly at: string;
  readonly cache: string;

  constructor(value: string, subdirectory = "") {
    count += 1;
    this.at = join(directory, `fleet-${count}`);
    this.cache = join(directory, `cache-${count}`);
    this.directory = subdirectory;
    this.write("flake.nix", flake(value));
    this.write("fleet.json", '["web","db"]');
    this.write("shared", "shared");
    this.write("hosts/web/value", "web");
    this.write("hosts/db/value", "db");
  }

  readonly directory: string;

  write(file: string, content: string): void {
    const target = join(this.at, this.directory, file);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, content);
  }

  /** The hosts' values, or the reasons why they have none. */
  async values(more: Partial<EvaluateArgs> = {}): Promise<Record<string, string>> {
    const flakeArgs = { flake: `path:${this.at}`, hosts: ["web", "db"] };
    // The derivations of these targets do not exist.
    const args = { ...flakeArgs, cache: this.cache, withoutDerivations: true, ...more };
    const results = [...evaluate({ ...args, limits: { workers: 1, memoryMb: 2000 } })].map(
      async ([host, result]) => {
        const found = await result;
        return [host, "target" in found ? found.target.outPath : found.failure.reason] as const;
      },
    );
    return Object.fromEntries(await Promise.all(results));
  }

  /** The same, and the hosts of each process that evaluated. */
  async evaluated(more: Partial<EvaluateArgs> = {}): Promise<[Record<string, string>, string[]]> {
    const before = programs.logged().length;
    const values = await this.values(more);
    const evals = programs
      .logged()
      .slice(before)
      .filter((line) => line.includes(" eval --json"));
    return [values, evals.map((line) => line.replace(/.*\[ (.*) \].*/, "$1").replaceAll('"', ""))];
  }
}

test("a change in one host's folder evaluates that host alone; a shared file or a new lock all of them", async () => {
  const fleet = new Fleet(OWN_FILE);
  expect(await fleet.evaluated()).toEqual([{ web: "web", db: "db" }, ["web db"]]);
  expect((await fleet.evaluated())[1]).toEqual([]);
  fleet.write("hosts/db/value", "changed");
  expect(await fleet.evaluated()).toEqual([{ web: "web", db: "changed" }, ["db"]]);
  fleet.write("hosts/web/new", "");
  fleet.write("hosts/mail/value", "mail");
  expect(await fleet.evaluated()).toEqual([{ web: "web", db: "changed" }, ["web"]]);
  for (const file of ["shared", "hosts/common.nix", "fleet.json"]) {
    fleet.write(file, file === "fleet.json" ? '["web","db","mail"]' : "2");
    expect((await fleet.evaluated())[1]).toEqual(["web db"]);
  }
});

test("a host without a folder has a result, and a renamed host keeps its folder", async () => {
  const fleet = new Fleet(OWN_FILE);
  rmSync(join(fleet.at, "hosts/db"), { recursive: true });
  renameSync(join(fleet.at, "hosts/web"), join(fleet.at, "hosts/old"));
  const formerNames = { web: "old" };
  expect((await fleet.evaluated({ formerNames }))[0]).toEqual({ web: "web", db: "none" });
  fleet.write("hosts/old/value", "changed");
  expect(await fleet.evaluated({ formerNames })).toEqual([{ web: "changed", db: "none" }, ["web"]]);
});

test("a host that reads another host's folder is evaluated from the whole flake, and again when that changes", async () => {
  const other = `{ name, self, ... }: builtins.readFile "\${self}/hosts/db/value" + " read by \${name}"`;
  const fleet = new Fleet(other);
  expect((await fleet.evaluated())[0]).toEqual({ web: "db read by web", db: "db read by db" });
  expect((await fleet.evaluated())[1]).toEqual([]);
  fleet.write("hosts/db/value", "new");
  expect((await fleet.evaluated())[0]).toEqual({ web: "new read by web", db: "new read by db" });
});

test("an error is the one of the whole flake; the other hosts have results of their own", async () => {
  const fleet = new Fleet(`{ folder, ... }: import (folder + "/value")`);
  fleet.write("hosts/db/value", '"fine"');
  fleet.write("hosts/web/value", 'throw "web is broken"');
  const [values] = await fleet.evaluated();
  expect(values["db"]).toBe("fine");
  expect(values["web"]).toContain("error: web is broken");
  fleet.write("hosts/web/value", '"mended"');
  expect(await fleet.evaluated()).toEqual([{ web: "mended", db: "fine" }, ["web"]]);
});

test("a flake that only mentions the output in a comment is evaluated as a whole", async () => {
  const fleet = new Fleet(OWN_FILE);
  const text = readFileSync(join(fleet.at, "flake.nix"), "utf8");
  fleet.write("flake.nix", `# deployTargetOf\n${text.replace(/^ *deployTargetOf = .*$/m, "")}`);
  expect((await fleet.evaluated())[0]).toEqual({ web: "web", db: "db" });
  fleet.write("hosts/db/value", "changed");
  expect((await fleet.evaluated())[0]).toEqual({ web: "web", db: "changed" });
});

test("a folder has its name and its place in the evaluated copy, also in a subdirectory of a Git repository", async () => {
  const fleet = new Fleet(
    `{ folder, ... }: "\${toString folder} \${baseNameOf "\${folder}"} \${builtins.typeOf folder}"`,
    "nix",
  );
  run("git", "-C", fleet.at, "init", "-q");
  run("git", "-C", fleet.at, "add", ".");
  const args = { flake: `git+file://${fleet.at}?dir=nix` };
  const [values, processes] = await fleet.evaluated(args);
  expect(values["web"]).toMatch(/^\/nix\/store\/[a-z0-9]{32}-source\/hosts\/web [a-z0-9]{32}-web path$/);
  expect(processes).toEqual(["web db"]);
  fleet.write("hosts/db/value", "changed");
  expect((await fleet.evaluated(args))[1]).toEqual(["db"]);
});

/** Ways in which a host's evaluation can read files: values of Nix in which `name`, `folder` and `self` are known. */
const READS = [
  `builtins.readFile (folder + "/value")`,
  `builtins.readFile (folder + "/../db/value")`,
  `builtins.readFile "\${self}/shared"`,
  `builtins.readFile "\${self}/hosts/db/value"`,
  `if builtins.pathExists (self + "/hosts/db/value") then builtins.readFile (self + "/hosts/db/value") else "none"`,
  `builtins.readFile (./hosts + "/common")`,
  `toString (builtins.attrNames (builtins.readDir ./hosts))`,
  `toString (builtins.attrNames (builtins.readDir folder))`,
  `(builtins.tryEval self.deployTargets.db.toplevel).value or "none"`,
  `self.narHash`,
  `"\${self}"`,
  `"\${folder}"`,
];

test("property: whatever a host's evaluation reads, a kept result equals a new one after any change", async () => {
  const hosts = READS.map((_, at) => `w${at}`);
  const value = READS.map((read, at) => `w${at} = ${read};`).join(" ");
  const files = ["shared", "hosts/db/value", "hosts/db/new", "hosts/w7/new"];
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray(files, { minLength: files.length }), async (changes) => {
      const fleet = new Fleet(
        `{ name, folder, self }: { db = builtins.readFile (folder + "/value"); ${value} }.\${name}`,
      );
      fleet.write("fleet.json", JSON.stringify([...hosts, "db"]));
      fleet.write("hosts/common", "common");
      for (const host of hosts) fleet.write(`hosts/${host}/value`, host);
      const first = await fleet.values({ hosts });
      expect(Object.values(first).filter((found) => found.includes("error:"))).toEqual([]);
      for (const changed of changes) {
        fleet.write(changed, `changed ${changed}`);
        const kept = await fleet.values({ hosts });
        expect(kept).toEqual(await fleet.values({ hosts, cache: undefined }));
      }
    }),
    { numRuns: 1 },
  );
});

test("the hash and the copy of a tree are those of Nix", () => {
  const tree = join(directory, "tree");
  const files = {
    a: "",
    b: "12345678",
    "b.c": "\u00e9\n",
    "d/e": "x".repeat(70_000),
    "d/f/run": "#!/bin/sh\n",
  };
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(tree, name)), { recursive: true });
    writeFileSync(join(tree, name), content);
  }
  chmodSync(join(tree, "d/f/run"), 0o755);
  symlinkSync("../nowhere", join(tree, "B"));
  mkdirSync(join(tree, "empty"));
  const nixHash = (at: string) => run("nix", "hash", "path", "--sri", at).trim();
  const found = readTree(tree);
  expect(narHash(found)).toBe(nixHash(tree));
  writeTree(found, join(directory, "copy"));
  expect(nixHash(join(directory, "copy"))).toBe(nixHash(tree));
});
