import { cpSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { attempt, run } from "./nix.ts";

interface Node {
  readonly inputs?: Record<string, string | string[]>;
  readonly locked?: {
    readonly narHash: string;
    readonly rev: string;
    readonly lastModified: number;
    readonly type: string;
  };
}
const lock = JSON.parse(readFileSync("nix/flake.lock", "utf8")) as {
  nodes: Record<string, Node>;
  version: number;
};

const locked = Object.entries(lock.nodes).filter(([name]) => name !== "root");

test("every input is pinned to a revision with its hash", () => {
  expect(locked.length).toBeGreaterThan(6);
  for (const [name, node] of locked) {
    expect({ name, ...node.locked }).toMatchObject({
      type: "github",
      rev: expect.stringMatching(/^[0-9a-f]{40}$/),
      narHash: expect.stringMatching(/^sha256-[A-Za-z0-9+/]{43}=$/),
    });
  }
});

test("there is one nixpkgs", () => {
  expect(Object.keys(lock.nodes).filter((name) => name.startsWith("nixpkgs"))).toEqual(["nixpkgs"]);
});

test("Nix accepts the lock as complete for flake.nix, without network", () => {
  const directory = mkdtempSync(join(tmpdir(), "pantheros-lock-"));
  try {
    cpSync("nix/flake.nix", join(directory, "flake.nix"));
    cpSync("nix/flake.lock", join(directory, "flake.lock"));
    const { code, stderr } = attempt(
      "nix",
      "flake",
      "metadata",
      "--no-update-lock-file",
      "--json",
      ...["--option", "flake-registry", ""],
      `path:${directory}`,
    );
    expect(stderr).not.toContain("error");
    expect(code).toBe(0);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

/** As for `make nix-eval`: a directory with a checkout per input, here at the locked revisions. */
const checkouts = process.env["INPUTS"];
const checkoutOf = (name: string) => (checkouts ? join(checkouts, name) : undefined);

// Package registries do not have the files of inputs, so without INPUTS no hash is recomputed and each is skipped.
// The workflow nix.yml fetches all inputs, and Nix compares their hashes.
describe("hashes recomputed from checkouts in INPUTS", () => {
  for (const [name, node] of locked) {
    const checkout = checkoutOf(name);
    const recomputed = checkout !== undefined && existsSync(checkout) ? test : test.skip;
    recomputed(`${name} at ${node.locked?.rev}`, () => {
      expect(run("nix", "hash", "path", realpathSync(checkout ?? "")).trim()).toBe(node.locked?.narHash);
    });
  }
});
