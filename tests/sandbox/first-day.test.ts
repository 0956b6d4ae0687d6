/**
 * A team's first days on real machines: `init` writes the inventory, `doctor` finds nothing, `up` ends with healthy
 * hosts, another team's program reads the outputs, and production deploys what this stack has confirmed.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Report } from "../../cli/doctor/report.ts";
import { signApproval } from "../../deployer/approval.ts";
import type { Approval } from "../../inventory/approval.ts";
import type { StackOutputs } from "../../outputs/contract.ts";
import { ensureKeyPair } from "../../sandbox/cli/files.ts";
import { layoutOf } from "../../sandbox/cli/layout.ts";
import { ensureSigningKey } from "../../sandbox/cli/secrets.ts";
import type { State as CloudflareState } from "../../sandbox/vendors/cloudflare/state.ts";
import { makeConsumer } from "../unit/outputs/consumer.ts";
import { expectSuccess, type Finished, Sandbox } from "./sandbox.ts";

jest.setTimeout(20 * 60_000);

const sandbox = new Sandbox("day");
const flake = sandbox.file("nix");
const approvalFile = sandbox.file("approvals", "production.json");

beforeAll(async () => {
  await sandbox.reset();
  sandbox.environment["PANTHEROS_APPROVAL"] = approvalFile;
  // What the sandbox does not own stays after `down`.
  for (const path of [join(flake, ".git"), sandbox.file("consumer"), sandbox.file("init"), approvalFile])
    rmSync(path, { recursive: true, force: true });
  rmSync(join(flake, "fleet.toml"));
});

afterAll(async () => {
  const down = await sandbox.cli("down");
  expectSuccess(down);
  expect(sandbox.leftovers()).toEqual([]);
});

/** A shell's prelude: the variables of the sandbox, for stacks of other names. */
const IN_SANDBOX = `PANTHEROS_ROOT=$PWD pantheros_program=test
. tools/env.sh; . tools/pulumi-sandbox.sh; pantheros_sandbox_environment
exec ip netns exec "pantheros-$PANTHEROS_SANDBOX_NAME" "$@"`;
const inSandbox = (...argv: string[]): Promise<Finished> =>
  sandbox.run(["sh", "-euc", IN_SANDBOX, "sh", ...argv], 600);

test("init writes the inventory of a new fleet from options; no file is edited", async () => {
  const layout = layoutOf(sandbox.directory);
  await ensureKeyPair(layout.deployKey, "deploy@day");
  await ensureSigningKey(layout, "day");
  const options = {
    domain: "example.test",
    "deploy-key": `${layout.deployKey}.pub`,
    "signing-key": `${layout.signingKey}.pub`,
    vault: "sandbox",
    source: "198.51.100.1/32",
    address: "public",
    zone: "example.test",
    region: "eu-central-003",
    tailnet: "example.test",
    suffix: "tail0000.ts.net",
    admin: "admin@example.test",
    fleet: join(flake, "fleet.toml"),
    "config-file": sandbox.file("init", "Pulumi.sandbox.yaml"),
  };
  const given = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  const hosts = ["--host", "db=hetzner:cx23:nbg1", "--host", "legacy=home:198.51.100.20"];
  const argv = ["init", "--stack", "sandbox", "--no-env-file", ...given, ...hosts];
  expectSuccess(await sandbox.run(["tools/pantheros", ...argv], 60));
  expect(readFileSync(sandbox.file("init", "Pulumi.sandbox.yaml"), "utf8")).toContain(
    "pantheros:environment: sandbox",
  );
});

test("doctor finds nothing before the first run; up confirms every host, and a preview shows no change", async () => {
  expectSuccess(await sandbox.cli("up", "--no-deploy"));
  const { output } = await sandbox.run(["tools/pantheros", "doctor", "--json"], 300);
  const report = JSON.parse(output.slice(output.indexOf("{"))) as Report;
  const unchecked = report.checks.filter(({ state }) => state === "not checked");
  expect([...report.findings.map(({ what }) => what), ...unchecked.map(({ reason }) => reason)]).toEqual([]);
  expect(report.healthy).toBe(true);
  expectSuccess(await sandbox.cli("up"));
  const { hosts, cost } = await sandbox.outputs();
  expect(Object.entries(hosts).map(([name, { outcome }]) => [name, outcome])).toEqual([
    ["db", "confirmed"],
    ["legacy", "confirmed"],
  ]);
  expect(cost).toEqual({ monthly: expect.any(Number), currency: "EUR" });
  expect(await sandbox.changes()).toEqual([]);
});

describe("the program of another team", () => {
  const project = sandbox.file("consumer");
  const consumer = (...words: string[]) => inSandbox("tools/with", "pulumi", "--cwd", project, ...words);
  const consumerUp = async () =>
    expectSuccess(await consumer("up", "--yes", "--skip-preview", "--stack", "shop"));
  const healthy = async () => {
    const { output } = await consumer("stack", "output", "--json", "--stack", "shop");
    return (JSON.parse(output.slice(output.indexOf("{"))) as { healthy: boolean }).healthy;
  };
  const address = () => {
    const { zones } = JSON.parse(
      readFileSync(sandbox.file("vendors", "cloudflare.json"), "utf8"),
    ) as CloudflareState;
    const records = Object.values(zones).flatMap((zone) => Object.values(zone.records));
    return records.find(({ name }) => name === "shop.example.test")?.content;
  };

  test("makes a DNS record for a host of the sandbox, also after a failed run of the fleet", async () => {
    makeConsumer(project);
    expectSuccess(await consumer("stack", "init", "shop", "--no-select"));
    const base = /cloudflare:baseUrl: .*/.exec(readFileSync("Pulumi.sandbox.yaml", "utf8"))?.[0];
    const salt = readFileSync(join(project, "Pulumi.shop.yaml"), "utf8").trimEnd();
    writeFileSync(
      join(project, "Pulumi.shop.yaml"),
      `${salt}\nconfig:\n  consumer:fleet: organization/pantheros/sandbox\n  consumer:host: db\n  ${base}\n`,
    );
    await consumerUp();
    const { hosts } = await sandbox.outputs();
    expect(address()).toBe(hosts["db"]?.addresses.ipv4);
    expect(await healthy()).toBe(true);

    sandbox.editFleet((text) => `${text}\n[hosts.db.extra]\nactivation = "fail"\n`);
    expect((await sandbox.up()).code).not.toBe(0);
    await consumerUp();
    expect(address()).toBe(hosts["db"]?.addresses.ipv4);
    expect(await healthy()).toBe(false);
    sandbox.editFleet((text) => text.replace('\n[hosts.db.extra]\nactivation = "fail"\n', ""));
  });
});

describe("production waits for this stack, on the same machine", () => {
  const key = (name: string) => sandbox.file("keys", name);
  const git = (...args: string[]) => {
    const author = ["-c", "user.name=day", "-c", "user.email=day@example.test"];
    return execFileSync("git", ["-C", flake, ...author, ...args], { encoding: "utf8" }).trim();
  };
  const tree = () => git("rev-parse", "HEAD:./");
  const commit = (message: string) => {
    git("add", "-A");
    git("commit", "-qm", message);
  };
  const configuration = sandbox.file("Pulumi.production.yaml");
  const options = ["--stack", "production", "--config-file", configuration];
  const production = () => inSandbox("tools/pulumi", "up", "--yes", "--skip-preview", ...options);
  const refused = async (): Promise<string> => {
    const { code, output } = await production();
    expect([code === 0, output]).toEqual([false, expect.stringContaining("nothing was changed")]);
    return output;
  };
  const approve = (...args: string[]) =>
    inSandbox("tools/pantheros", "approve", ...options, "--reason", "an outage", ...args);
  const outputs = async (): Promise<StackOutputs> => {
    const { output } = await inSandbox("tools/pulumi", "stack", "output", "--json", "--stack", "production");
    return JSON.parse(output.slice(output.indexOf("{"))) as StackOutputs;
  };
  /** An approval that the command would not sign. */
  const forge = (by: string, more: Partial<Approval> = {}) => {
    const now = Date.now();
    const approval: Approval = {
      ...{ schemaVersion: 1, stack: "pantheros/production", tree: tree(), by, reason: "an outage" },
      ...{ origin: "checked", created: new Date(now - 7200_000).toISOString() },
      ...{ expires: new Date(now + 3600_000).toISOString(), ...more },
    };
    mkdirSync(sandbox.file("approvals"), { recursive: true });
    writeFileSync(approvalFile, JSON.stringify(signApproval(approval, key(by))));
  };

  /** As if the other stack had confirmed its tree an hour earlier, by the runner's clock and by the host's. */
  const anHourPasses = async () => {
    const { hosts, revision } = await sandbox.outputs();
    const times = [revision?.since, hosts["db"]?.provenance?.at].flatMap((time) => time ?? []);
    expect(times).toHaveLength(2);
    const file = sandbox.file("pulumi/.pulumi/stacks/pantheros/sandbox.json");
    let state = readFileSync(file, "utf8");
    for (const time of times)
      state = state.replaceAll(time, new Date(Date.parse(time) - 3600_000).toISOString());
    writeFileSync(file, state);
  };

  beforeAll(async () => {
    const [bob = "", eve = ""] = await Promise.all(
      ["bob", "eve"].map((name) => ensureKeyPair(key(name), name)),
    );
    sandbox.editFleet(
      (text) =>
        `${text.replace(/(\[hosts\.legacy\]\nenvironment = )"sandbox"/, '$1"production"')}
[environments.production]
protect = true

[promotion.production]
from = "sandbox"
soak_minutes = 60

[roles.lead]
capabilities = ["promotion.approve"]

[roles.guest]

[users.bob]
role = "lead"
authorized_keys = ["${bob}"]

[users.eve]
role = "guest"
authorized_keys = ["${eve}"]
`,
    );
    git("init", "-q");
    commit("first");
    const project = sandbox.file("project");
    expectSuccess(
      await inSandbox("tools/with", "pulumi", "--cwd", project, "stack", "init", "production", "--no-select"),
    );
    const salt = readFileSync(join(project, "Pulumi.production.yaml"), "utf8");
    const config = readFileSync("Pulumi.sandbox.yaml", "utf8").replace(
      "environment: sandbox",
      "environment: production",
    );
    writeFileSync(configuration, `${salt.trimEnd()}\n${config}`);
  });

  test("refused until the time is over, and let through by an approval of somebody whose role may approve", async () => {
    expectSuccess(await sandbox.up());
    const before = await sandbox.running("legacy");
    expect(await refused()).toMatch(/db has confirmed it, and (1 h|5\d min) are left/);

    expect((await approve("--key", key("eve"))).output).toContain("eve, whose role may not approve");
    forge("eve");
    expect(await refused()).toContain('the role of eve lacks the capability "promotion.approve"');
    forge("bob", { expires: new Date(Date.now() - 1000).toISOString() });
    expect(await refused()).toContain("does not count: it expired at ");
    expect(await sandbox.running("legacy")).toBe(before);

    expectSuccess(await approve("--key", key("bob")));
    expectSuccess(await production());
    const { hosts, revision } = await outputs();
    expect(revision).toMatchObject({ tree: tree(), converged: true, approval: { by: "bob" } });
    expect(hosts["legacy"]).toMatchObject({ outcome: "confirmed", closure: await sandbox.running("legacy") });
    expect(hosts["legacy"]?.provenance?.by).toContain("approved by bob");
  });

  test("for the next tree the approval is worth nothing; when the time is over it takes the tree without one", async () => {
    const before = await sandbox.running("legacy");
    const replayed = readFileSync(approvalFile, "utf8");
    sandbox.editFleet((text) => `${text}\n[hosts.legacy.extra]\nmotd = "second"\n`);
    commit("second");
    expect(await refused()).toContain("never confirmed this tree");
    expectSuccess(await sandbox.up());
    writeFileSync(approvalFile, replayed);
    expect(await refused()).toMatch(/it is for tree [0-9a-f]{12}, and this is tree/);
    expect(await sandbox.running("legacy")).toBe(before);

    rmSync(approvalFile);
    await anHourPasses();
    expectSuccess(await production());
    const { hosts, revision } = await outputs();
    expect(revision).toMatchObject({ tree: tree(), converged: true });
    expect(revision).not.toHaveProperty("approval");
    expect(hosts["legacy"]?.closure).not.toBe(before);
    expect(await sandbox.running("legacy")).toBe(hosts["legacy"]?.closure);
  });
});
