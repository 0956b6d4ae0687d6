/** Two stacks with the real engine: production deploys a tree when staging has confirmed it, or with an approval. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { signApproval } from "../../deployer/approval.ts";
import type { Approval } from "../../inventory/approval.ts";
import type { StackOutputs } from "../../outputs/contract.ts";
import { ensureKeyPair } from "../../sandbox/cli/files.ts";
import { recordsOf, writeRecord } from "./record/compute.ts";
import { type Finished, World } from "./world.ts";

jest.setTimeout(20 * 60_000);

const HOSTS = { canary: "198.51.100.20", shop: "198.51.100.21" };

let world: World;
let repository: string;
let approvalFile: string;

beforeAll(async () => {
  world = await World.make("staging");
  repository = world.file("repository");
  approvalFile = world.file("approvals/production.json");
  mkdirSync(join(repository, "nix"), { recursive: true });
  const keys = await Promise.all(
    ["bob", "eve"].map((name) => ensureKeyPair(world.file(`keys/${name}`), name)),
  );
  writeFileSync(join(repository, "nix/flake.nix"), "{}\n");
  writeFileSync(join(repository, "nix/fleet.toml"), fleet(keys[0] ?? "", keys[1] ?? ""));
  git("init", "-q");
  commit("first");
  Object.assign(world.env, {
    PANTHEROS_FLEET: join(repository, "nix/fleet.toml"),
    PANTHEROS_FLAKE: `path:${join(repository, "nix")}`,
    PANTHEROS_SYSTEMS: world.file("systems"),
    PANTHEROS_APPROVAL: approvalFile,
    GITHUB_ACTOR: "runner",
  });
  const pins: string[] = [];
  for (const [name, address] of Object.entries(HOSTS)) {
    const key = (await ensureKeyPair(world.file(`keys/${name}`), "")).split(" ").slice(0, 2).join(" ");
    writeRecord(recordsOf(world.directory), address, { addresses: [address], key, managed: true });
    pins.push(`${name} ${key}\n`);
  }
  writeFileSync(world.file("known_hosts"), pins.join(""));
  writeFileSync(world.file("systems"), "canary 1\nshop 1\n");
  for (const stack of ["staging", "production"]) {
    await expectCode(0, world.run([...CLI(), "stack", "init", stack, "--no-select"]));
    const salt = readFileSync(world.file(`project/Pulumi.${stack}.yaml`), "utf8").trimEnd();
    writeFileSync(
      world.file(`Pulumi.${stack}.yaml`),
      `${salt}\nconfig:\n  pantheros:environment: ${stack}\n`,
    );
  }
});
afterAll(() => world?.remove());

const CLI = () => ["tools/with", "pulumi", "--cwd", world.file("project")];

const fleet = (bob: string, eve: string) => `schema = 1

[fleet]
domain = "example.test"

[environments.staging]

[environments.production]

[promotion.production]
from = "staging"
soak_minutes = 60

[deploy]
sources = ["198.51.100.1/32"]
address = "public"

[roles.lead]
capabilities = ["promotion.approve"]

[roles.guest]

[users.bob]
role = "lead"
authorized_keys = ["${bob.trim()}"]

[users.eve]
role = "guest"
authorized_keys = ["${eve.trim()}"]

[hosts.canary]
environment = "staging"
profiles = ["server"]
provider = { kind = "existing", vendor = "home", address = "${HOSTS.canary}" }

[hosts.shop]
environment = "production"
profiles = ["server"]
provider = { kind = "existing", vendor = "home", address = "${HOSTS.shop}" }
`;

function git(...args: string[]): string {
  const author = ["-c", "user.name=faults", "-c", "user.email=faults@example.test"];
  return execFileSync("git", ["-C", repository, ...author, ...args], { encoding: "utf8" }).trim();
}

function commit(message: string): void {
  git("add", "-A");
  git("commit", "-qm", message);
}

/** Commits a new tree, which gives every host a new system. */
function change(text: string): string {
  writeFileSync(join(repository, "nix/flake.nix"), `{ description = "${text}"; }\n`);
  writeFileSync(world.file("systems"), `canary ${text}\nshop ${text}\n`);
  commit(text);
  return git("rev-parse", "HEAD:nix");
}

async function expectCode(code: number, run: Promise<Finished>): Promise<string> {
  const done = await run;
  if ((done.code === 0) !== (code === 0)) throw new Error(`exit code ${done.code}:\n${done.output}`);
  return done.output;
}

const options = (stack: string) => ["--stack", stack, "--config-file", world.file(`Pulumi.${stack}.yaml`)];
const up = (stack: string) => world.run(["tools/pulumi", "up", "--yes", "--skip-preview", ...options(stack)]);
const deployed = (stack: string) => expectCode(0, up(stack));
const refused = (stack = "production") => expectCode(1, up(stack));
const approve = (...args: string[]) =>
  world.run(["tools/pantheros", "approve", "--reason", "an outage", ...options("production"), ...args]);
const key = (name: string) => ["--key", world.file(`keys/${name}`)];

const stateFile = (stack: string) => world.file(`pulumi/.pulumi/stacks/pantheros/${stack}.json`);
const state = (stack: string) => readFileSync(stateFile(stack), "utf8");

interface StackState {
  readonly checkpoint: { readonly latest?: { readonly resources?: { type: string; outputs?: unknown }[] } };
}
const resources = (stack: string) =>
  (JSON.parse(state(stack)) as StackState).checkpoint.latest?.resources ?? [];
const outputs = (stack: string) =>
  resources(stack).find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs as StackOutputs;
const commands = () => resources("production").filter(({ type }) => type.startsWith("command:"));

/** What the host runs, from its disk. */
const runs = (host: keyof typeof HOSTS) =>
  readFileSync(join(recordsOf(world.directory), HOSTS[host], "system"), "utf8").trim();

/** As if staging had confirmed its tree an hour earlier. */
function anHourPasses(): void {
  const { since = "" } = outputs("staging").revision ?? {};
  const earlier = new Date(Date.parse(since) - 3600_000).toISOString();
  writeFileSync(stateFile("staging"), state("staging").replaceAll(since, earlier));
}

test("before staging has run, production is refused, and nothing is created; the message says how to override", async () => {
  const output = await refused();
  expect(output).toMatch(
    /promotion\.production: tree [0-9a-f]{12} \(commit [0-9a-f]{12}\) is not deployed before/,
  );
  expect(output).toContain("organization/pantheros/staging cannot be read: ");
  expect(output).toContain("this stack has no deployed host yet: deploy the other stack first");
  expect(output).toContain(
    "an approval of bob lets it through: tools/pantheros approve --stack production --reason TEXT --unread",
  );
  expect(output).toContain("nothing was changed");
  expect(commands()).toEqual([]);
});

test("staging confirms the tree: production is refused until the time is over, and names host and time left", async () => {
  expect(await deployed("staging")).not.toContain("warning");
  expect(outputs("staging").revision).toEqual({
    ...{ commit: git("rev-parse", "HEAD"), tree: git("rev-parse", "HEAD:nix") },
    ...{ dirty: false, converged: true, since: expect.any(String) },
  });
  const output = await refused();
  expect(output).toMatch(/canary has confirmed it, and (1 h|5\d min) are left/);
  expect(output).toContain(
    "an approval of bob lets it through before that: tools/pantheros approve --stack production",
  );
  expect(commands()).toEqual([]);
  const document = world.file("preview.json");
  const preview = ["tools/pantheros", "preview", "--write", document, ...options("production")];
  expect(await expectCode(0, world.run(preview))).toContain("up will refuse this");
  expect(JSON.parse(readFileSync(document, "utf8"))).toMatchObject({
    promotion: { from: "organization/pantheros/staging", allowed: false },
  });
});

test("since survives an unchanged run", async () => {
  const { revision } = outputs("staging");
  await deployed("staging");
  expect(outputs("staging").revision).toEqual(revision);
});

/** An approval that the command would not sign. */
function forge(by: string, signer: string, more: Partial<Approval> = {}): void {
  const now = Date.now();
  const approval: Approval = {
    ...{ schemaVersion: 1, stack: "pantheros/production", tree: git("rev-parse", "HEAD:nix") },
    ...{ by, reason: "an outage", origin: "checked" },
    created: new Date(now - 7200_000).toISOString(),
    expires: new Date(now + 3600_000).toISOString(),
    ...more,
  };
  writeFileSync(approvalFile, JSON.stringify(signApproval(approval, world.file(`keys/${signer}`))));
}

test("a role that may not approve: the command signs nothing, and a signature does not count", async () => {
  expect(await expectCode(1, approve(...key("eve")))).toContain(
    "belongs to eve, whose role may not approve; those who may are bob",
  );
  mkdirSync(world.file("approvals"), { recursive: true });
  forge("eve", "eve");
  expect(await refused()).toContain(
    'does not count: the role of eve lacks the capability "promotion.approve"',
  );
  forge("bob", "eve");
  expect(await refused()).toContain("does not count: its signature is not of a key of bob");
  expect(commands()).toEqual([]);
});

test("an expired approval does not count", async () => {
  forge("bob", "bob", { expires: new Date(Date.now() - 1000).toISOString() });
  expect(await refused()).toContain("does not count: it expired at ");
  expect(commands()).toEqual([]);
});

test("an approval lets the tree through; outputs and the host's provenance name who signed it", async () => {
  const output = await expectCode(0, approve(...key("bob")));
  expect(output).toContain(
    `bob approves tree ${git("rev-parse", "HEAD:nix").slice(0, 12)} for pantheros/production`,
  );
  await deployed("production");
  const approval = { by: "bob", reason: "an outage", expires: expect.any(String) };
  expect(outputs("production").revision).toMatchObject({ converged: true, approval });
  expect(JSON.stringify(commands())).toContain("runner, approved by bob");
  // The stack has the tree now: a later run needs no approval, and the outputs keep it.
  rmSync(approvalFile);
  await deployed("production");
  expect(outputs("production").revision).toMatchObject({ approval });
});

test("for the next tree the approval is worth nothing, and a tree that staging never had cannot be approved", async () => {
  await expectCode(0, approve(...key("bob")));
  const before = runs("shop");
  change("second");
  expect(await refused()).toContain("organization/pantheros/staging never confirmed this tree");
  const replayed = readFileSync(approvalFile, "utf8");
  await expectCode(0, approve(...key("bob")));
  const signed = await refused();
  expect(signed).toContain("never confirmed this tree");
  expect(signed).not.toContain("tools/pantheros approve");
  await deployed("staging");
  writeFileSync(approvalFile, replayed);
  expect(await refused()).toMatch(/does not count: it is for tree [0-9a-f]{12}, and this is tree/);
  expect(runs("shop")).toBe(before);
});

test("when the time is over, production takes the tree without an approval", async () => {
  anHourPasses();
  rmSync(approvalFile);
  await deployed("production");
  expect(runs("shop")).toContain("nixos-system-shop");
  expect(outputs("production").revision).toMatchObject({
    tree: git("rev-parse", "HEAD:nix"),
    converged: true,
  });
  expect(outputs("production").revision).not.toHaveProperty("approval");
  const { earlier } = outputs("staging").revision ?? {};
  expect(earlier).toEqual([expect.objectContaining({ tree: git("rev-parse", "HEAD~1:nix") })]);
});

test("uncommitted and ignored files are refused, also with an approval", async () => {
  change("third");
  await deployed("staging");
  await expectCode(0, approve(...key("bob")));
  writeFileSync(join(repository, "nix/local.nix"), "{}\n");
  writeFileSync(join(repository, ".git/info/exclude"), "local.nix\n");
  expect(await refused()).toContain("files that are not committed: nix/local.nix; commit or remove them");
  expect(await expectCode(1, approve(...key("bob")))).toContain("only a committed tree is approved");
  rmSync(join(repository, "nix/local.nix"));
});

test("a host of staging that has not converged is named", async () => {
  rmSync(approvalFile);
  change("fourth");
  const power = join(recordsOf(world.directory), HOSTS.canary, "power");
  writeFileSync(power, "off\n");
  await refused("staging");
  expect(outputs("staging").revision).toMatchObject({ converged: false });
  expect(await refused()).toContain("  canary failed at connect");
  writeFileSync(power, "running\n");
});

test("outputs of staging that cannot be read need an approval that says so", async () => {
  renameSync(stateFile("staging"), world.file("staging.json"));
  await expectCode(0, approve(...key("bob")));
  expect(await refused()).toContain(
    "does not count: it was signed for a stack that can be read; sign again with --unread",
  );
  await expectCode(0, approve("--unread", ...key("bob")));
  await deployed("production");
  expect(outputs("production").revision).toMatchObject({
    tree: git("rev-parse", "HEAD:nix"),
    approval: { by: "bob" },
  });
});
