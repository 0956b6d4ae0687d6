/** The limits of root on a builder: its store's paths are accepted only by the host that it builds for. */
import { randomBytes } from "node:crypto";
import { expectSuccess, Sandbox } from "./sandbox.ts";

jest.setTimeout(15 * 60_000);

const sandbox = new Sandbox("trust");
const bucket = "sandbox-nix-cache";
const url = `http://198.51.100.1:9000/${bucket}`;
const push = `http://127.0.0.1:9002/${bucket}`;

/** Content that no store has yet. */
const fresh = () => randomBytes(6).toString("hex");

/** Changes a host's system; hosts with the same seed share paths of it. */
function buildOn(host: string, build: "local" | "target", seed: string): void {
  const motd = `${host} of ${fresh()}`;
  sandbox.editFleet((text) =>
    text
      .replace(new RegExp(`\\[hosts\\.${host}\\]\n(build = .*\n)?`), `[hosts.${host}]\nbuild = "${build}"\n`)
      .replace(
        new RegExp(`extra = \\{ motd = "${host} .*\\}`),
        `extra = { motd = "${motd}", filler = { paths = 2, bytes = 4000, seed = "${seed}" } }`,
      ),
  );
}

const confirmed = async (host: string) => {
  const running = await sandbox.running(host);
  const { hosts } = await sandbox.outputs();
  expect(hosts[host]).toMatchObject({ outcome: "confirmed", closure: running });
  return running;
};

/** Paths of a host's running system whose names match. */
async function pathsOf(host: string, names: RegExp): Promise<string[]> {
  const { output } = await sandbox.onMachine(host, `nix-store -qR ${await sandbox.running(host)}`);
  return output.split("\n").filter((path) => names.test(path));
}

const own = /-(filler-\d+|etc-[a-z]+|nixos-system-.*)$/;

/** The bucket's answer without a key. */
const inBucket = async (path: string) => {
  const name = `${path.slice("/nix/store/".length).split("-")[0]}.narinfo`;
  return (await sandbox.inDriver("curl", "-fsS", `${url}/${name}`)).code === 0;
};

const text = async (host: string, path: string) => (await sandbox.onMachine(host, `cat ${path}`)).output;

/** As root, replaces a path's content on the host and registers that content in its store. */
async function forge(host: string, path: string): Promise<void> {
  const script = `set -eu
    mount -o remount,rw /nix/store 2>/dev/null || :
    chmod u+w ${path}
    printf 'a forged text on ${host}' >${path}
    chmod 0444 ${path}
    touch -d @1 ${path}
    printf '%s\\n%s\\n%s\\n\\n0\\n' ${path} "$(nix-hash --type sha256 --base16 ${path})" "$(nix-store --dump ${path} | wc -c)" |
      nix-store --register-validity --reregister --hash-given
    nix-store --verify-path ${path}`;
  expectSuccess(await sandbox.onMachine(host, script));
}

describe("a host that builds for itself", () => {
  const shared = fresh();
  let forged = "";

  beforeAll(async () => {
    await sandbox.reset();
    sandbox.editFleet((fleet) =>
      fleet
        .replace("[cache]\n", `[cache]\nurl = "${url}"\npush = "${push}"\n`)
        .replace('purpose = "cache"\n', 'purpose = "cache"\npublic_read = true\n'),
    );
    expectSuccess(await sandbox.cli("up"));
  });

  afterAll(async () => {
    expectSuccess(await sandbox.cli("down"));
  });

  test("trusts its own key only after a deploy of a system that the runner built", async () => {
    const line = await sandbox.buildKey("db");
    sandbox.editFleet((fleet) => fleet.replace("[hosts.db]\n", `[hosts.db]\nbuild = "target"\n${line}`));
    const before = await sandbox.running("db");
    const early = await sandbox.up();
    expect(early.code).not.toBe(0);
    expect(early.output).toMatch(
      /db: failed at sign\n\s+reason: +\| db does not trust its own key trust-1-db:\S+ yet/,
    );
    expect(early.output).toMatch(/hint: +deploy db once with build = "local"/);
    expect(await sandbox.running("db")).toBe(before);

    sandbox.editFleet((fleet) => fleet.replace('build = "target"', 'build = "local"'));
    expectSuccess(await sandbox.up());
    await confirmed("db");
  });

  test("has paths signed with its own key, not the fleet's, and none of them is in the cache", async () => {
    buildOn("db", "target", fresh());
    const up = await sandbox.up();
    expectSuccess(up);
    expect(up.output).not.toMatch(/warning: /);
    await confirmed("db");
    const paths = await pathsOf("db", own);
    expect(paths).toHaveLength(4);
    for (const path of paths) {
      const { output } = await sandbox.onMachine("db", `nix path-info --sigs ${path}`);
      expect(output).toMatch(/\strust-1-db:/);
      expect(output).not.toMatch(/\strust-1:/);
      expect([path, await inBucket(path)]).toEqual([path, false]);
    }
  });

  test("content that root changes in its store reaches no other host, which gets the runner's build", async () => {
    // Before the path could be pushed: a cache keeps the first content that it gets.
    sandbox.editFleet((fleet) => fleet.replace(`push = "${push}"\n`, ""));
    buildOn("db", "target", shared);
    expectSuccess(await sandbox.up());
    [forged = ""] = await pathsOf("db", /-filler-0$/);
    await forge("db", forged);
    sandbox.editFleet((fleet) => fleet.replace("[cache]\n", `[cache]\npush = "${push}"\n`));
    buildOn("db", "target", shared);
    expectSuccess(await sandbox.up());
    await confirmed("db");
    expect(await text("db", forged)).toBe("a forged text on db");

    buildOn("web", "local", shared);
    expectSuccess(await sandbox.up());
    await confirmed("web");
    expect(await pathsOf("web", /-filler-0$/)).toEqual([forged]);
    expect(await text("web", forged)).toMatch(/^[0-9a-f]{4000}$/);
    // The check of the cache works: it finds the runner's build.
    expect(await inBucket(forged)).toBe(true);
  });

  test("a changed path that the runner's store also has is named, and nothing is signed", async () => {
    const before = await sandbox.running("db");
    buildOn("db", "target", shared);
    const up = await sandbox.up();
    expect(up.code).not.toBe(0);
    expect(up.output).toMatch(
      /db: failed at sign\n\s+reason: +\| \/nix\/store\/\S+-filler-0 on db differs from/,
    );
    expect(up.output).toContain(forged);
    expect(await sandbox.running("db")).toBe(before);
    await confirmed("web");
  });
});
