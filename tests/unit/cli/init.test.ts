/** What `pantheros init` asks, checks and writes. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { PassThrough } from "node:stream";
import { parseHost, parseHostKey } from "../../../cli/init/answers.ts";
import { collectAnswers, type InitOptions } from "../../../cli/init/collect.ts";
import { environmentText, stackText } from "../../../cli/init/files.ts";
import { fleetText } from "../../../cli/init/fleet-text.ts";
import { type Ask, dialog } from "../../../cli/init/questions.ts";
import { secretKeyText } from "../../../deployer/build-key.ts";
import { parseInventory } from "../../../inventory/load.ts";
import { PLACEHOLDER_KEYS } from "../../../inventory/placeholders.ts";
import { planFor } from "../../../inventory/plan.ts";

let scratch = "";
beforeEach(() => {
  scratch = mkdtempSync(path.join(tmpdir(), "pantheros-init-"));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

const KEY = PLACEHOLDER_KEYS[0] ?? "";
const SIGNING = "fleet-1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const NEEDED: InitOptions = {
  stack: "production",
  domain: "example.test",
  deployKey: KEY,
  signingKey: SIGNING,
  host: ["web=hetzner:cx23:fsn1", "nas=home:192.168.1.10"],
};
const WHOLE: InitOptions = {
  ...NEEDED,
  hostKey: [`nas=${KEY} nas`],
  source: ["198.51.100.7/32"],
  zone: "example.test",
  region: "eu-central-003",
  tailnet: "example.test",
  suffix: "tail0000.ts.net",
  admin: ["admin@example.test"],
};
const collect = (options: InitOptions, ask?: Ask) => collectAnswers({ options, ask, env: {} });

describe("hosts on the command line", () => {
  test("created and adopted", () => {
    expect(parseHost("web=hetzner:cx23:fsn1")).toEqual({
      name: "web",
      kind: "created",
      provider: "hetzner",
      settings: { server_type: "cx23", location: "fsn1" },
      storage: { layout: "btrfs-classes", disk: "/dev/sda" },
    });
    expect(parseHost("nas=home:2001:db8::7")).toEqual({
      name: "nas",
      kind: "existing",
      vendor: "home",
      address: "2001:db8::7",
    });
    expect(parseHostKey(`nas=${KEY}`)).toEqual(["nas", KEY]);
  });

  test.each([
    "web",
    "web=hetzner",
    "web=hetzner:cx23",
    "web=hetzner:a:b:c",
    "We b=home:192.0.2.1",
    "=home:1",
  ])("%s is refused with the forms", (text) =>
    expect(() => parseHost(text)).toThrow(/NAME=hetzner:TYPE:LOCATION, such as .*, or NAME=VENDOR:ADDRESS/),
  );
});

describe("the inventory", () => {
  test.each([
    ["the least", NEEDED],
    ["everything", WHOLE],
  ])("%s is valid and has the hosts", async (_, options) => {
    const { hosts, secrets } = planFor(
      parseInventory(fleetText(await collect(options)), "fleet.toml"),
      "production",
    );
    expect(hosts.map(({ name, provider }) => [name, provider.kind])).toEqual([
      ["nas", "existing"],
      ["web", "hetzner"],
    ]);
    expect(secrets.map(({ reference }) => reference)).toContain(
      "op://pantherOS/web service account/credential",
    );
  });

  test("of a file with a secret key only the public half is kept", async () => {
    const file = path.join(scratch, "signing-key");
    const secret = secretKeyText({ name: "fleet-1", seed: Buffer.alloc(32, 7) });
    writeFileSync(file, secret);
    const answers = await collect({ ...NEEDED, signingKey: file });
    expect(answers.signingKey).toMatch(/^fleet-1:.{44}$/);
    expect(fleetText(answers)).not.toContain(secret.split(":")[1]?.slice(0, 40));
  });
});

test("without a terminal an error names every missing option", async () => {
  await expect(collect({ tailnet: "example.test" })).rejects.toThrow(
    /not a terminal.*--domain, --host, --suffix, --admin/,
  );
});

test.each([
  ["--domain", { domain: "no domain" }],
  ["--host", { host: ["web"] }],
  ["--host", { host: ["web=home:192.0.2.1", "web=home:192.0.2.2"] }],
  ["--host-key", { hostKey: [`web=${KEY}`] }],
  ["--deploy-key", { deployKey: "/nowhere/key" }],
  ["--signing-key", { signingKey: "/nowhere/key" }],
  ["--source", { source: ["198.51.100.7"] }],
  ["--region", { region: "mars" }],
  ["--admin", { tailnet: "t", suffix: "tail0000.ts.net", admin: ["nobody"] }],
])("an invalid %s is named", async (option, wrong) => {
  await expect(collect({ ...NEEDED, ...wrong })).rejects.toThrow(`init: ${option}:`);
});

test("what is asked: only what the command line leaves out, again after an invalid answer, with its default", async () => {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const { ask, close } = dialog(input, output);
  let shown = "";
  const answers = ["wrong domain", "example.test", "", "", "", "", "", ""];
  // The next answer is typed when the next question is there.
  output.on("data", (text: Buffer) => {
    shown += text.toString();
    if (/: $/.test(text.toString())) input.write(`${answers.shift() ?? ""}\n`);
  });
  const { domain: _, ...others } = NEEDED;
  const found = await collect({ ...others, vault: "fleet" }, ask);
  close();
  expect([found.domain, found.zone, found.tailnet, found.vault]).toEqual([
    "example.test",
    "example.test",
    undefined,
    "fleet",
  ]);
  expect(shown.match(/Domain of the fleet/g)).toHaveLength(2);
  expect(shown).not.toMatch(/Name of the stack|1Password|Deploy key/);
});

test("an input that ends writes nothing", async () => {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const { ask } = dialog(input, output);
  input.end();
  await expect(collect({}, ask)).rejects.toThrow("nothing was written");
});

test("an existing stack's file keeps its other keys and its comments", () => {
  const before = "# mine\nencryptionsalt: v1:x\nconfig:\n  pantheros:probe: status # why\n";
  const text = stackText(before, "Pulumi.production.yaml", "production");
  expect(text).toContain("# mine");
  expect(text).toContain("pantheros:probe: status # why");
  expect(text).toContain("pantheros:environment: production");
  expect(stackText(text, "Pulumi.production.yaml", "production")).toBe(text);
});

test("the file for op run has references and no secret", async () => {
  const text = environmentText(
    readFileSync("tools/production.env.example", "utf8"),
    await collect({ ...WHOLE, vault: "fleet" }),
  );
  expect(text).toContain('HCLOUD_TOKEN="op://fleet/hetzner production/credential"');
  expect(text).not.toContain("pantherOS/");
});

describe("the command", () => {
  const words = [
    ...["--stack", "production", "--domain", "example.test", "--deploy-key", KEY, "--signing-key", SIGNING],
    ...["--host", "nas=home:192.168.1.10", "--no-env-file"],
  ];
  const files = () => [
    "--fleet",
    path.join(scratch, "fleet.toml"),
    "--config-file",
    path.join(scratch, "Pulumi.yaml"),
  ];
  const call = (...more: readonly string[]) =>
    spawnSync(process.execPath, ["cli/main.ts", "init", ...words, ...files(), ...more], {
      encoding: "utf8",
      input: "",
    });

  test("it writes, changes nothing the second time, and replaces what differs only when told", () => {
    const first = call("--json");
    expect([first.status, first.stderr]).toEqual([0, ""]);
    const { files: made } = JSON.parse(first.stdout) as { files: { state: string }[] };
    expect(made.map(({ state }) => state)).toEqual(["written", "written"]);
    expect(call().stdout).toMatch(/fleet\.toml: unchanged/);
    const fleet = path.join(scratch, "fleet.toml");
    writeFileSync(fleet, "# mine\n");
    const refused = call();
    expect([refused.status, refused.stderr]).toEqual([
      2,
      expect.stringMatching(/fleet\.toml exists and differs.*--overwrite/),
    ]);
    expect(readFileSync(fleet, "utf8")).toBe("# mine\n");
    expect(call("--overwrite").stdout).toMatch(/fleet\.toml: replaced/);
  });

  test("an invalid fleet is reported with its key, and nothing is written", () => {
    const { status, stderr } = call("--host", "other=home:300.1.1.1");
    expect([status, stderr]).toEqual([1, expect.stringMatching(/hosts\.other\.provider\.address/)]);
    expect(existsSync(path.join(scratch, "fleet.toml"))).toBe(false);
  });
});
