import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { provenance } from "../../../components/provenance.ts";
import { flakeDirectory, readCheckout } from "../../../deployer/checkout.ts";
import { actor } from "../../../lib/actor.ts";

describe("in a repository", () => {
  let directory: string;
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", directory, "-c", "user.name=a", "-c", "user.email=a@example.test", ...args], {
      encoding: "utf8",
    }).trim();
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "pantheros-provenance-"));
    git("init", "-q");
    mkdirSync(join(directory, "nix"));
    writeFileSync(join(directory, "nix/flake.nix"), "{}");
    writeFileSync(join(directory, ".gitignore"), "ignored\n");
    git("add", ".");
    git("commit", "-qm", "first");
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const provenanceOf = async (flake: string) =>
    provenance(await readCheckout(flake), { env: { GITHUB_ACTOR: "ann" } });

  test("reads the commit, and whether the flake's directory differs from it", async () => {
    const flake = `path:${directory}/nix`;
    const commit = git("rev-parse", "HEAD");
    expect(await provenanceOf(flake)).toEqual({ commit, dirty: false, by: "ann" });
    writeFileSync(join(directory, "README.md"), "beside the flake");
    expect(await provenanceOf(flake)).toEqual({ commit, dirty: false, by: "ann" });
    writeFileSync(join(directory, "nix/new.nix"), "{}");
    expect(await provenanceOf(flake)).toEqual({ commit, dirty: true, by: "ann" });
  });

  test("the tree is that of the flake's directory, and changes are what it does not contain", async () => {
    const flake = `path:${directory}/nix`;
    const tree = git("rev-parse", "HEAD:nix");
    writeFileSync(join(directory, "README.md"), "beside the flake");
    expect(await readCheckout(flake)).toMatchObject({ tree, changes: [], dirty: false });
    git("add", "README.md");
    git("commit", "-qm", "second");
    expect(await readCheckout(flake)).toMatchObject({ tree, changes: [] });
    // Nix copies ignored files into a flake of the form `path:`, and only that.
    writeFileSync(join(directory, "nix/ignored"), "");
    expect(await readCheckout(flake)).toMatchObject({ tree, changes: ["nix/ignored"], dirty: false });
    expect(await readCheckout(`git+file://${directory}?dir=nix`)).toMatchObject({ tree, changes: [] });
    writeFileSync(join(directory, "nix/flake.nix"), "{ }");
    expect(await readCheckout(flake)).toMatchObject({ tree, changes: ["nix/flake.nix", "nix/ignored"] });
    git("commit", "-qam", "third");
    expect((await readCheckout(flake)).tree).not.toBe(tree);
  });

  test("a flake that is ignored, or not in a repository, has no commit", async () => {
    mkdirSync(join(directory, "ignored"));
    writeFileSync(join(directory, "ignored/flake.nix"), "{}");
    expect(await provenanceOf(`${directory}/ignored`)).toEqual({ commit: null, dirty: null, by: "ann" });
    expect(await provenanceOf(tmpdir())).toEqual({ commit: null, dirty: null, by: "ann" });
    expect(await provenanceOf("github:owner/repo")).toEqual({ commit: null, dirty: null, by: "ann" });
  });
});

describe("a repository of another user, in a Git hook", () => {
  const VARIABLES = ["GIT_TEST_ASSUME_DIFFERENT_OWNER", "GIT_DIR", "GIT_INDEX_FILE"];
  let directory: string;
  let commit: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "pantheros (owner) "));
    const git = (...args: string[]) =>
      execFileSync("git", ["-C", directory, ...args], { encoding: "utf8" }).trim();
    git("init", "-q");
    writeFileSync(join(directory, "flake.nix"), "{}");
    git("add", ".");
    git("-c", "user.name=a", "-c", "user.email=a@example.test", "commit", "-qm", "first");
    commit = git("rev-parse", "HEAD");
    // Git's own tests use this variable.
    process.env["GIT_TEST_ASSUME_DIFFERENT_OWNER"] = "1";
    process.env["GIT_DIR"] = "/nowhere";
    process.env["GIT_INDEX_FILE"] = "/nowhere/index";
  });
  afterEach(() => {
    for (const name of VARIABLES) delete process.env[name];
    rmSync(directory, { recursive: true, force: true });
  });
  const env = { GITHUB_ACTOR: "ann" };

  test("that holds the program: its commit is read", async () => {
    const found = provenance(
      await readCheckout(`path:${directory.replaceAll(" ", "%20")}`, { trusted: directory }),
      { env },
    );
    expect(found).toEqual({ commit, dirty: false, by: "ann" });
  });

  test("elsewhere: a warning names the remedy, once", async () => {
    const warnings: string[] = [];
    const found = provenance(await readCheckout(directory, { warn: (message) => warnings.push(message) }), {
      env,
    });
    expect(found).toEqual({ commit: null, dirty: null, by: "ann" });
    expect(warnings).toEqual([
      `deploys record no commit: ${directory} belongs to another user, so Git does not read it; allow it with: git config --global --add safe.directory '${directory}'`,
    ]);
  });
});

test.each([
  ["path:/a%20%28b%29/nix", "/a (b)/nix"],
  ["path:/a (b)/100%/nix", "/a (b)/100%/nix"],
  ["./nix", `${process.cwd()}/nix`],
  ["path:/srv/fleet/nix", "/srv/fleet/nix"],
  ["git+file:///srv/fleet?dir=nix", "/srv/fleet/nix"],
  ["/srv/fleet#x", "/srv/fleet"],
])("the directory of the flake %s", (reference, directory) => {
  expect(flakeDirectory(reference)).toBe(directory);
});

test("the user is CI's, else the fallback, without characters that a supervisor refuses", () => {
  expect(actor({ GITHUB_ACTOR: "ann" }, () => "me@desk")).toBe("ann");
  expect(actor({ GITHUB_ACTOR: "" }, () => "me@desk")).toBe("me@desk");
  expect(actor({ GITLAB_USER_LOGIN: 'a"b\\c\nd' }, () => "")).toBe("abcd");
  expect(actor({}, () => "")).toBe("unknown");
  expect(actor({}, () => "x".repeat(500))).toHaveLength(128);
});

test("the user who approved a deploy is named after the one who started it, whatever its length", () => {
  const of = (by: string) =>
    provenance({ commit: "c", dirty: false }, { env: { GITHUB_ACTOR: by }, approvedBy: "bob" }).by;
  expect(of("ann")).toBe("ann, approved by bob");
  expect(of("x".repeat(500))).toMatch(/^x{100,}, approved by bob$/);
  expect(of("x".repeat(500))).toHaveLength(128);
});
