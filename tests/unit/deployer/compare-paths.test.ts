import {
  builderInfosStep,
  firstDifference,
  ownInfosStep,
  plainHash,
  readInfos,
} from "../../../deployer/deploy/compare-paths.ts";
import { trustStep } from "../../../deployer/deploy/host-signing-key.ts";
import { attempt, run } from "../nix/nix.ts";
import { broken, files, newSystem, spec } from "./fixtures.ts";

const nix = ["nix", "--extra-experimental-features", "nix-command flakes"];
const builder = { host: "storage", address: "192.0.2.9", port: 22, hostKey: "ssh-ed25519 AAAAC3Nzb" };
const remote = spec({ build: builder, signer: "fleet-1-web:AAAA" });
const a = `/nix/store/${"a".repeat(32)}-a`;
const b = `/nix/store/${"b".repeat(32)}-b`;
const hash = "0".repeat(64);
const info = (more: object = {}) => ({ narHash: `sha256:${hash}`, narSize: 120, references: [a], ...more });
const infos = (value: object) => readInfos(JSON.stringify(value));

describe("queries", () => {
  test("to the builder, whose answer may have 64 MiB", () => {
    const { step, written, file } = builderInfosStep(remote, files);
    const words = ["path-info", "--offline", "--json", "--recursive", "--store", "ssh-ng://storage"];
    expect(step.argv).toEqual([...nix, ...words, newSystem]);
    expect(file).toBe("/tmp/d/web.theirs");
    expect(written).toMatchObject({
      argv: ["sh", "-c", 'ulimit -f 131072; exec "$@" >"$0"', file, ...step.argv],
      env: { NIX_SSHOPTS: "-F /tmp/ssh_config" },
      timeoutSeconds: 300,
    });
    expect(step.hint(broken("ssh: connect to host 192.0.2.9 port 22: Connection refused"))).toMatch(
      /^storage, which builds for web: the host does not answer/,
    );
  });

  test("to the runner's store, with the paths on standard input", () => {
    const { step, written, file } = ownInfosStep(remote, [a, b], files);
    expect(step).toMatchObject({
      argv: [...nix, "path-info", "--offline", "--json", "--stdin"],
      input: `${a}\n${b}\n`,
    });
    expect(written.argv).toEqual(["sh", "-c", 'exec "$@" >"$0"', "/tmp/d/web.own", ...step.argv]);
    expect(file).toBe("/tmp/d/web.own");
  });

  test("to the host, for its trusted keys; not to a machine without a supervisor, where root copies", () => {
    const words = trustStep(remote, files)?.argv ?? [];
    expect(words.at(-1)).toBe(
      "nix --extra-experimental-features 'nix-command flakes' config show trusted-public-keys",
    );
    expect(words).toContain("HostName=203.0.113.10");
    expect(trustStep(spec({ managed: false }), files)).toBeUndefined();
  });

  test("a longer answer ends the command", () => {
    const { written } = builderInfosStep(remote, { ...files, connections: "/tmp" });
    const [shell = "", option = "", script = ""] = written.argv;
    const most = script.replace("131072", "1");
    const { code } = attempt(shell, option, most, "/dev/full", "true");
    expect(code).toBe(0);
    const file = `/tmp/pantheros-limit-${process.pid}`;
    expect(attempt(shell, option, most, file, "head", "-c", "600", "/dev/zero").code).not.toBe(0);
    expect(attempt(shell, option, most, file, "head", "-c", "500", "/dev/zero").code).toBe(0);
    run("rm", file);
  });
});

describe("answers", () => {
  test("a record with null for missing paths, a list as before Nix 2.19, and names without the store directory", () => {
    const known = new Map([[a.slice(11), { narHash: hash, narSize: 120, references: [a.slice(11)] }]]);
    expect(infos({ [a]: info({ ca: null, signatures: ["x"] }), [b]: null })).toEqual(known);
    expect(infos([info({ path: a }), { path: b, valid: false }])).toEqual(known);
    expect(infos({ [a.slice(11)]: info({ references: [a.slice(11)] }) })).toEqual(known);
  });

  test.each([
    ["no JSON", "warning: nothing"],
    ["cut short", JSON.stringify({ [a]: info() }).slice(0, -1)],
    ["another type", "3"],
    ["a path without a hash", JSON.stringify({ [a]: { narSize: 1, references: [] } })],
    ["a key that is no path", JSON.stringify({ "/etc/passwd": info() })],
    ["a way out of the store", JSON.stringify({ [`${a}/../../etc/passwd`]: info() })],
    ["two lines in a name", JSON.stringify({ [`${a}\n${b}`]: info() })],
    ["a hash of another kind", JSON.stringify({ [a]: info({ narHash: "md5:00" }) })],
    ["a list of other things", JSON.stringify([info()])],
  ])("%s is an error, and nothing is signed", (_, json) => {
    expect(() => readInfos(json)).toThrow();
  });

  test("a hash is equal in each of Nix's formats", () => {
    const forms = ["base16", "nix32", "sri"].map((form) => {
      const plain = run(
        "nix",
        "hash",
        "file",
        `--${form === "nix32" ? "base32" : form}`,
        "package.json",
      ).trim();
      return form === "sri" ? plain : `sha256:${plain}`;
    });
    expect(new Set(forms).size).toBe(3);
    expect(new Set(forms.map(plainHash)).size).toBe(1);
    expect(plainHash(forms[0] ?? "")).toBe(forms[0]?.slice("sha256:".length));
  });
});

describe("comparison", () => {
  const own = infos({ [a]: info(), [b]: null });

  test("a path that only one store has is no difference", () => {
    expect(firstDifference(infos({ [a]: info(), [b]: info() }), own)).toBeUndefined();
    expect(firstDifference(infos({ [b]: info() }), own)).toBeUndefined();
  });

  test.each([
    ["content", { narHash: `sha256:${"1".repeat(64)}` }],
    ["size", { narSize: 121 }],
    ["list of references", { references: [a, b] }],
  ])("a different %s is a difference, and the path is returned", (_, more) => {
    expect(firstDifference(infos({ [a]: info(more) }), own)).toBe(a);
  });

  test("the order of references does not matter", () => {
    const [one, other] = [
      infos({ [a]: info({ references: [b, a] }) }),
      infos({ [a]: info({ references: [a, b] }) }),
    ];
    expect(firstDifference(one, other)).toBeUndefined();
  });
});
