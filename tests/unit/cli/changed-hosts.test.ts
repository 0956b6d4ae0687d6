/** `tools/pantheros changed-hosts`: with a flake of plain strings, so that Nix itself evaluates in a second. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compareSystems } from "../../../cli/changed-hosts/compare.ts";

jest.setTimeout(120_000);

describe("comparison", () => {
  const hosts = ["a", "b", "c", "d"].map((name) => ({ name, system: "x86_64-linux" }));

  test("a host changed when its system differs, is new, or cannot be evaluated", () => {
    const head = new Map([
      ["a", "/nix/store/1"],
      ["b", "/nix/store/2"],
      ["c", "/nix/store/3"],
    ]);
    const base = new Map([
      ["a", "/nix/store/1"],
      ["b", "/nix/store/0"],
      ["d", "/nix/store/4"],
    ]);
    expect(compareSystems(hosts, head, base)).toEqual({
      changed: [
        { host: "b", system: "x86_64-linux", reason: "it has a different system" },
        { host: "c", system: "x86_64-linux", reason: "the base has no system of it" },
        { host: "d", system: "x86_64-linux", reason: "it cannot be evaluated" },
      ],
      unchanged: ["a"],
    });
  });
});

describe("the command", () => {
  let scratch = "";
  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), "pantheros-changed-"));
    mkdirSync(join(scratch, "nix"));
    write("fleet.toml", FLEET);
    write("flake.nix", FLAKE);
    for (const host of ["web", "db", "iso"]) write(host, "1");
    git("init", "-q");
    git("add", "-A");
    git("commit", "-qm", "first");
  });
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  const FLEET = `schema = 1

[fleet]
domain = "example.test"

[environments.home]

[hosts.web]
environment = "home"
profiles = ["server"]
provider = { kind = "existing", vendor = "home", address = "198.51.100.1" }

[hosts.db]
environment = "home"
profiles = ["server"]
system = "aarch64-linux"
provider = { kind = "existing", vendor = "home", address = "198.51.100.2" }

[hosts.iso]
environment = "home"
profiles = ["server"]
provider = { kind = "image" }
`;
  const FLAKE = `{
  outputs = _: let
    system = name: "/nix/store/00000000000000000000000000000000-nixos-system-" + name + builtins.readFile (./. + "/\${name}");
    target = name: {
      toplevel = system name;
      drvPath = system name + ".drv";
      system = "x86_64-linux";
      kernel = "/nix/store/k/bzImage";
      inhibitors = {};
      units = {};
    };
  in {
    deployTargets = { web = target "web"; db = target "db"; };
    nixosConfigurations.iso.config.system.build.toplevel.outPath = system "iso";
  };
}
`;
  const write = (name: string, text: string) => writeFileSync(join(scratch, "nix", name), text);

  function git(...args: string[]): string {
    const author = ["-c", "user.name=a", "-c", "user.email=a@example.test"];
    return execFileSync("git", ["-C", scratch, ...author, ...args], { encoding: "utf8" }).trim();
  }

  function run(...args: string[]) {
    return spawnSync("tools/pantheros", ["changed-hosts", ...args], {
      encoding: "utf8",
      env: {
        ...process.env,
        PANTHEROS_FLEET: join(scratch, "nix/fleet.toml"),
        PANTHEROS_FLAKE: `path:${scratch}/nix`,
        PANTHEROS_EVALUATION_CACHE: join(scratch, "evaluations"),
        PANTHEROS_EVALUATION_WORKERS: "1",
      },
    });
  }
  const answer = (...args: string[]) => {
    const { stdout, stderr, status } = run("--json", ...args);
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout) as { changed: { host: string; system: string; reason: string }[] };
  };

  test("nothing is changed at first; then the edited host and image are named, and Git's index stays as it was", () => {
    const commit = git("rev-parse", "HEAD");
    const everything = { schemaVersion: 1, base: commit, changed: [], unchanged: ["web", "db", "iso"] };
    expect(answer("--base", "HEAD")).toEqual(everything);
    write("db", "2");
    write("iso", "2");
    const index = readFileSync(join(scratch, ".git/index"));
    expect(answer("--base", "HEAD")).toEqual({
      schemaVersion: 1,
      base: commit,
      changed: [
        { host: "db", system: "aarch64-linux", reason: "it has a different system" },
        { host: "iso", system: "x86_64-linux", reason: "it has a different system" },
      ],
      unchanged: ["web"],
    });
    expect(readFileSync(join(scratch, ".git/index"))).toEqual(index);
    expect(run("--base", "HEAD").stdout).toBe(
      `2 of 3 hosts changed since ${commit.slice(0, 12)}\n` +
        "  db (aarch64-linux): it has a different system\n" +
        "  iso (x86_64-linux): it has a different system\n",
    );
  });

  test("a flake with an error, and a run without a base, list every host", () => {
    write("flake.nix", "{ outputs = _: {");
    expect(run("--base", "HEAD").stderr).toMatch(/^the checkout: web, db, iso cannot be evaluated: error: /m);
    const reasons = answer("--base", "HEAD").changed.map(({ host, reason }) => [host, reason]);
    expect(reasons).toEqual(["web", "db", "iso"].map((host) => [host, "it cannot be evaluated"]));
    write("flake.nix", FLAKE);
    expect(answer().changed.map(({ host, reason }) => [host, reason])).toEqual(
      ["web", "db", "iso"].map((host) => [host, "there is no base"]),
    );
  });

  test.each(["nope", "--upload-pack=x", "0000000000000000000000000000000000000000"])(
    "a revision that Git does not have is an error that names it: %s",
    (revision) => {
      const { status, stderr } = run(`--base=${revision}`);
      expect(status).toBe(1);
      expect(stderr).toContain(`Git has no revision "${revision}"`);
    },
  );
});
