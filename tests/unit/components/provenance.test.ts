import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { actor, flakeDirectory, provenance } from "../../../components/provenance.ts";

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

  const provenanceOf = (flake: string) => provenance(flake, { GITHUB_ACTOR: "ann" });

  test("reads the commit, and whether the flake's directory differs from it", async () => {
    const flake = `path:${directory}/nix`;
    const commit = git("rev-parse", "HEAD");
    expect(await provenanceOf(flake)).toEqual({ commit, dirty: false, by: "ann" });
    writeFileSync(join(directory, "README.md"), "beside the flake");
    expect(await provenanceOf(flake)).toEqual({ commit, dirty: false, by: "ann" });
    writeFileSync(join(directory, "nix/new.nix"), "{}");
    expect(await provenanceOf(flake)).toEqual({ commit, dirty: true, by: "ann" });
  });

  test("a flake that is ignored, or not in a repository, has no commit", async () => {
    mkdirSync(join(directory, "ignored"));
    writeFileSync(join(directory, "ignored/flake.nix"), "{}");
    expect(await provenanceOf(`${directory}/ignored`)).toEqual({ commit: null, dirty: null, by: "ann" });
    expect(await provenanceOf(tmpdir())).toEqual({ commit: null, dirty: null, by: "ann" });
    expect(await provenanceOf("github:owner/repo")).toEqual({ commit: null, dirty: null, by: "ann" });
  });
});

test.each([
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
