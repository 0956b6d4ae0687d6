import { randomBytes } from "node:crypto";
import { expectSuccess, Sandbox } from "./sandbox.ts";

jest.setTimeout(15 * 60_000);

const sandbox = new Sandbox("builds");

/** Content that no store has yet. */
const fresh = () => randomBytes(6).toString("hex");

/** Changes a host's system so that it must be built, on `build`. */
function buildOn(host: string, build: string): void {
  sandbox.editFleet((text) =>
    text
      .replace(new RegExp(`\\[hosts\\.${host}\\]\n(build = .*\n)?`), `[hosts.${host}]\nbuild = "${build}"\n`)
      .replace(
        new RegExp(`extra = \\{ motd = "${host} .*\\}`),
        `extra = { motd = "${host} of ${fresh()}", filler = { paths = 3, bytes = 20000, seed = "${fresh()}" } }`,
      ),
  );
}

/** The paths of a host's system that no other system has. */
async function ownPaths(host: string, closure: string): Promise<string[]> {
  const { output } = await sandbox.onMachine(host, `nix-store -qR ${closure}`);
  const paths = output.split("\n").filter((path) => /-(filler-\d+|etc-[a-z]+|nixos-system-.*)$/.test(path));
  expect(paths).toHaveLength(5);
  return paths;
}

const runnerHas = async (path: string) =>
  (await sandbox.run(["tools/with", "nix", "path-info", path], 60)).code === 0;

/** A path's entry in a host's store: `ultimate` when it was built there, and its signatures. */
const known = async (host: string, path: string) =>
  (await sandbox.onMachine(host, `nix path-info --sigs ${path}`)).output;

describe("where closures are built", () => {
  beforeAll(async () => {
    await sandbox.reset();
    expectSuccess(await sandbox.cli("up"));
    // The runner builds the first system, which makes each host trust its own key.
    for (const host of ["db", "legacy"]) {
      const line = await sandbox.buildKey(host);
      sandbox.editFleet((text) => text.replace(`[hosts.${host}]\n`, `[hosts.${host}]\n${line}`));
    }
    expectSuccess(await sandbox.up());
  });

  afterAll(async () => {
    expectSuccess(await sandbox.cli("down"));
  });

  test("on the target and on a different host: no path is in the runner's store, and signatures are required", async () => {
    buildOn("db", "target");
    buildOn("legacy", "web");
    buildOn("web", "local");
    expectSuccess(await sandbox.up());

    const { hosts } = await sandbox.outputs();
    for (const host of ["db", "legacy", "web"]) {
      const closure = hosts[host]?.closure ?? "";
      expect([host, hosts[host]]).toMatchObject([host, { outcome: "confirmed" }]);
      expect(await sandbox.running(host)).toBe(closure);
      const conf = await sandbox.onMachine(host, "cat /etc/pantheros/deploy.conf");
      expect(conf.output).toContain("require_signature=true");
      // The check of the runner's store works: it finds the paths that were built there.
      for (const path of await ownPaths(host, closure)) {
        expect([path, await runnerHas(path)]).toEqual([path, host === "web"]);
      }
      const signers = new RegExp(host === "web" ? "\\sbuilds-1:" : `\\sbuilds-1-${host}:`);
      expect(await known(host, closure)).toMatch(signers);
      expect(await known(host, closure)).not.toMatch(host === "web" ? /\sbuilds-1-/ : /\sbuilds-1:/);
    }
    const [db = "", legacy = ""] = ["db", "legacy"].map((host) => hosts[host]?.closure);
    expect(await known("db", db)).toContain("ultimate");
    expect(await known("web", legacy)).toContain("ultimate");
    expect(await known("legacy", legacy)).not.toContain("ultimate");
    expect(await sandbox.changes()).toEqual([]);
  });

  test("an unreachable builder is named; its host is not touched, and the next up builds", async () => {
    const before = await sandbox.running("legacy");
    buildOn("legacy", "web");
    expectSuccess(await sandbox.cli("machine", "unplug", "web"));
    const failed = await sandbox.up();
    expect(failed.code).not.toBe(0);
    expect(failed.output).toMatch(/legacy: failed at build/);
    expect(failed.output).toMatch(/hint:.*web, which builds for legacy: the host does not answer/);
    expect(await sandbox.running("legacy")).toBe(before);

    expectSuccess(await sandbox.cli("machine", "plug", "web"));
    expectSuccess(await sandbox.up());
    expect(await sandbox.running("legacy")).toBe((await sandbox.outputs()).hosts["legacy"]?.closure);
    expect(await sandbox.running("legacy")).not.toBe(before);
  });

  test("on a builder that the inventory trusts like the runner: signed with the fleet's key", async () => {
    sandbox.editFleet((text) => text.replace("[deploy]\n", '[deploy]\ntrusted_builders = ["web"]\n'));
    buildOn("legacy", "web");
    expectSuccess(await sandbox.up());
    const { closure = "", outcome } = (await sandbox.outputs()).hosts["legacy"] ?? {};
    expect(outcome).toBe("confirmed");
    expect(await known("legacy", closure)).toMatch(/\sbuilds-1:/);
    expect(await known("legacy", closure)).not.toMatch(/\sbuilds-1-legacy:/);
  });
});
