import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { State as HetznerState } from "../../sandbox/vendors/hetzner/state.ts";
import { edit, WITH_DB } from "./fleet.ts";
import { type Finished, World } from "./world.ts";

// Rules of policy/ in the real engine: on the plan in every run, and on resolved inputs as a policy pack.

jest.setTimeout(20 * 60_000);

let world: World;
beforeAll(async () => {
  world = await World.make("sandbox");
  await world.startVendors();
});
afterAll(() => world?.remove());

const PACK = ["--policy-pack", resolve("policy/pack")];
const UP = ["up", "--yes", "--suppress-outputs"];

const OPEN = edit(WITH_DB, '["198.51.100.1/32"]', '["0.0.0.0/0"]');

/** Objects of the emulated Hetzner Cloud. */
function objects(): string[] {
  const state = JSON.parse(readFileSync(world.file("vendors/hetzner.json"), "utf8")) as HetznerState;
  const { servers, firewalls, ssh_keys: keys, primary_ips: addresses } = state;
  return [servers, firewalls, keys, addresses].flatMap((table) =>
    Object.values(table).map(({ name }) => name),
  );
}

async function expectRefused(ran: Promise<Finished>, message: string): Promise<void> {
  const { code, output } = await ran;
  expect([code === 0, output]).toEqual([false, expect.stringContaining(message)]);
  expect(objects()).toEqual([]);
  // A provider of the SDK's own, with which the program reads the state, is no object anywhere.
  const made = (world.deployment.resources ?? []).filter(
    ({ id, type }) => id !== undefined && !type.startsWith("pulumi:providers:"),
  );
  expect(made.map(({ urn }) => urn)).toEqual([]);
}

test.each([
  ["preview", ["preview"]],
  ["up", UP],
  ["up --skip-preview", [...UP, "--skip-preview"]],
])("%s with a mandatory finding names the key, asks no vendor, and creates nothing", async (_, words) => {
  await world.write(OPEN);
  world.switchOn();
  await expectRefused(
    world.pulumi(words),
    "fleet.toml: deploy.sources: 0.0.0.0/0 may reach the sshd of db, legacy after the installation (policy ssh-not-public): ",
  );
  expect(world.switchOff()).toEqual([]);
});

test.each([
  ["preview", ["preview"]],
  ["up --skip-preview", [...UP, "--skip-preview"]],
])("%s above the ceiling of the cost creates nothing", async (_, words) => {
  await world.write(`${WITH_DB}\n[policy]\nmonthly_eur_max = 1\n`);
  await expectRefused(world.pulumi(words), "fleet.toml: policy.monthly_eur_max: the stack would cost ");
});

test("without prices of the vendor the cost is left out of the outputs, and nothing warns of it", async () => {
  await world.write(WITH_DB);
  world.switchOn({ fault: "unavailable", requests: "all", vendor: "hetzner", match: "/pricing", times: 0 });
  const { code, output } = await world.pulumi(["preview"]);
  const asked = world.switchOff().filter((line) => "hit" in line);
  expect([code, asked.length > 0]).toEqual([0, true]);
  expect(output).toMatch(/^ *\+? *environment *: /m);
  expect(output).not.toMatch(/cost|Undefined value/);
});

describe("a change of the program that breaks a rule, with the policy pack", () => {
  beforeAll(async () => {
    await world.write(WITH_DB);
    const directory = world.file("changed");
    mkdirSync(directory);
    symlinkSync(resolve("node_modules"), `${directory}/node_modules`);
    writeFileSync(`${directory}/package.json`, '{ "type": "module", "main": "index.js" }');
    writeFileSync(
      `${directory}/Pulumi.yaml`,
      [
        "name: pantheros",
        "runtime: { name: nodejs, options: { typescript: false } }",
        "main: index.js",
        `plugins: { analyzers: [{ name: policy-pantheros, path: ${resolve("policy/bin")} }] }`,
        "",
      ].join("\n"),
    );
    const labels = '{ "managed-by": "pantheros", stack: "faults", host: "db" }';
    writeFileSync(
      `${directory}/index.js`,
      `import * as hcloud from "@pulumi/hcloud";
const labels = ${labels};
new hcloud.PlacementGroup("group", { name: "group", type: "spread", labels });
new hcloud.Firewall("db-firewall", {
  name: "db",
  labels,
  rules: [{ direction: "in", protocol: "tcp", port: "22", sourceIps: ["0.0.0.0/0"], description: "SSH" }],
});
`,
    );
  });

  test.each([
    ["preview", ["preview"]],
    ["up", UP],
  ])("%s fails, names rule and key, and creates nothing", async (_, words) => {
    const [command = "", ...options] = words;
    await expectRefused(
      world.pulumi([command, "--cwd", world.file("changed"), ...options, ...PACK]),
      "fleet.toml: hosts.db.ssh.sources: 0.0.0.0/0 may reach the sshd of db after the installation (policy ssh-not-public): ",
    );
  });
});

test("the program keeps all rules of the pack, in a preview and in an up; advisory findings are printed", async () => {
  const policy = `
[policy]
required_labels = ["owner"]
[policy.levels]
labels-and-tags = "advisory"
`;
  await world.write(WITH_DB + policy);
  const lacks = "hosts.db.provider.labels: server db lacks the label owner (policy labels-and-tags)";
  for (const words of [["preview"], [...UP, "--skip-preview"]]) {
    const { code, output } = await world.pulumi([...words, ...PACK]);
    expect([code, output]).toEqual([0, expect.stringContaining("pantheros@v")]);
    expect(output).toContain(`warning: ${world.file("fleet.toml")}: ${lacks}`);
    expect(output).toContain("[advisory]  labels-and-tags  (hcloud:index:Server: db-server)");
    expect(output).not.toContain("[mandatory]");
    expect(output).not.toMatch(/can't run policy|from \$PATH/);
  }
});
