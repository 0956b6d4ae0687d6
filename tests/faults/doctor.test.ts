import { randomBytes } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Report } from "../../cli/doctor/report.ts";
import { publicKeyText, secretKeyText } from "../../deployer/build-key.ts";
import { PLACEHOLDER_KEYS } from "../../inventory/placeholders.ts";
import type { Finding } from "../../lib/check.ts";
import { ensureKeyPair } from "../../sandbox/cli/files.ts";
import { changeVault } from "../../sandbox/vendors/onepassword/vault-file.ts";
import { type RightsInput, rightsFile } from "../../sandbox/vendors/rights.ts";
import { ensureSecrets } from "../../sandbox/vendors/secrets.ts";
import { edit, WITH_DB } from "./fleet.ts";
import { World } from "./world.ts";

// `tools/pantheros doctor` against the emulated vendors: nothing is found in a healthy world, and each planted fault is.

/** What a fault changes besides files and accounts. */
interface Call {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly args?: readonly string[];
}

interface Planted extends Call {
  /** Area of the doctor. */
  readonly area: string;
  readonly fault: string;
  /** Part of the finding's text. */
  readonly finds: RegExp;
  /** Breaks something; what it returns mends it. */
  readonly plant?: () => (() => unknown) | Promise<() => unknown>;
}

let world: World;
/** The healthy inventory. */
let fleet: string;
/** Nix itself: the world's own is a record. */
let nix: string;

const programs = () => join(world.directory, "bin");
const file = (name: string) => world.file(name);

beforeAll(async () => {
  world = await World.make("sandbox");
  await world.startVendors("dns");
  mkdirSync(programs());
  nix = realNix();
  symlinkSync(nix, join(programs(), "nix"));
  const { TAILSCALE_OAUTH_CLIENT_ID, TAILSCALE_OAUTH_CLIENT_SECRET } = ensureSecrets(world.directory);
  mkdirSync(file("flake"));
  writeFileSync(file("flake/flake.nix"), '{ inputs.site.url = "path:./site"; outputs = _: { }; }\n');
  writeFileSync(file("flake/flake.lock"), lockText(["site"]));
  Object.assign(world.env, {
    PATH: `${programs()}:${world.env["PATH"]}`,
    TAILSCALE_API_KEY: undefined,
    TAILSCALE_OAUTH_CLIENT_ID,
    TAILSCALE_OAUTH_CLIENT_SECRET,
    PANTHEROS_FLAKE: `path:${file("flake")}`,
  });
  const signing = { name: "faults-1", seed: randomBytes(32) };
  writeFileSync(file("keys/signing-key"), `${secretKeyText(signing)}\n`, { mode: 0o600 });
  const deployKey = readFileSync(file("keys/deploy.pub"), "utf8").trim();
  const address = 'address = "public"\n';
  const keys = `authorized_keys = ["${deployKey}"]\n\n[cache]\npublic_key = "${publicKeyText(signing)}"\n`;
  fleet = edit(edit(WITH_DB, address, address + keys), "[secrets.token]", "[secrets.opnix-token]");
  fleet = edit(fleet, "owns_singletons = true", "owns_singletons = false");
  await world.write(fleet);
  // As docs/real-account.md asks for: the tag exists before the OAuth client.
  expect((await tailscale("/tailnet/-/acl", TAGGED_POLICY)).status).toBe(200);
});
afterAll(() => world?.remove());

const OPEN_RULE = { action: "accept", src: ["*"], dst: ["*:*"] };
const TAGGED_POLICY = { tagOwners: { "tag:pantheros": ["autogroup:admin"] }, acls: [OPEN_RULE] };

function realNix(): string {
  const places = (world.env["PATH"] ?? "").split(":").filter((place) => !place.startsWith(process.cwd()));
  return places.map((place) => join(place, "nix")).find(existsSync) ?? "nix";
}

const lockText = (inputs: readonly string[]) =>
  JSON.stringify({
    nodes: {
      root: { inputs: Object.fromEntries(inputs.map((name) => [name, name])) },
      ...Object.fromEntries(inputs.map((name) => [name, { locked: { type: "path", path: "/x" } }])),
    },
    root: "root",
    version: 7,
  });

/** Without a body it restores the default policy. */
const tailscale = (path: string, body?: object) =>
  fetch(`http://${world.addressOf("tailscale")}/api/v2${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${ensureSecrets(world.directory)["TAILSCALE_API_KEY"]}` },
    body: body === undefined ? "" : JSON.stringify(body),
  });

const hetzner = async (method: string, path: string, body?: object) => {
  const answer = await fetch(`http://${world.addressOf("hetzner")}/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${world.env["HCLOUD_TOKEN"]}`, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return (await answer.json().catch(() => ({}))) as Record<string, { id: number }>;
};

/** Runs the command as a user does, and returns its report. */
async function doctor({ env = {}, args = [] }: Call, ...words: readonly string[]) {
  const stack = ["--stack", "faults", "--config-file", file("Pulumi.faults.yaml")];
  const resolver = ["--resolver", world.addressOf("dns")];
  const before = { ...world.env };
  Object.assign(world.env, env);
  const ran = await world.run([
    process.execPath,
    "cli/main.ts",
    "doctor",
    ...stack,
    ...resolver,
    ...args,
    ...words,
  ]);
  for (const name of Object.keys(env)) world.env[name] = before[name];
  return ran;
}

async function report(call: Call, ...words: readonly string[]): Promise<Report & { code: number }> {
  const { code, output } = await doctor(call, "--json", ...words);
  try {
    return { code, ...(JSON.parse(output.slice(output.indexOf("{"))) as Report) };
  } catch {
    throw new Error(`no report: ${output}`);
  }
}

/** Restricts an account; the vendors read the file at each request. */
const restrict = (rights: RightsInput) => () => {
  writeFileSync(rightsFile(world.directory), JSON.stringify(rights));
  return () => rmSync(rightsFile(world.directory));
};

/** Changes a file; it is put back afterwards. */
const change = (name: string, work: (text: string) => string | undefined) => () => {
  const [path, kept] = [file(name), file("kept")];
  copyFileSync(path, kept);
  const text = work(readFileSync(path, "utf8"));
  if (text === undefined) rmSync(path);
  else writeFileSync(path, text);
  return () => renameSync(kept, path);
};

const editFleet = (pattern: string | RegExp, after: string) =>
  change("fleet.toml", (text) => edit(text, pattern, after));

/** A program that answers to `--version` with an old one. */
const old = (name: string, version: string) => () => {
  const path = join(programs(), name);
  const link = existsSync(path) ? nix : undefined;
  rmSync(path, { force: true });
  writeFileSync(path, `#!/bin/sh\necho "${version}"\n`, { mode: 0o755 });
  return () => {
    rmSync(path);
    if (link !== undefined) symlinkSync(link, path);
  };
};

const vaultFile = () => file("vault.json");
const changeVaultFile = (work: Parameters<typeof changeVault>[1]) => () => {
  copyFileSync(vaultFile(), file("kept"));
  changeVault(vaultFile(), work);
  return () => renameSync(file("kept"), vaultFile());
};

const create = (path: string, body: object, kind: string) => async () => {
  const made = await hetzner("POST", path, body);
  const id = made[kind]?.id;
  if (id === undefined) throw new Error(JSON.stringify(made));
  return () => hetzner("DELETE", `${path}/${id}`);
};

const ALL = ["listAllBucketNames", "listBuckets", "readBuckets", "writeBuckets", "readBucketEncryption"];

const FAULTS: readonly Planted[] = [
  {
    area: "promotion",
    fault: "the stack that should confirm a tree was never deployed",
    plant: change("fleet.toml", (text) => `${text}\n[promotion.sandbox]\nfrom = "production"\n`),
    finds: /the outputs of production cannot be read, so the first run of faults needs an approval/,
  },
  {
    area: "tools",
    fault: "Nix is old",
    plant: old("nix", "nix (Nix) 2.8.0"),
    finds: /nix is 2\.8\.0, older than/,
  },
  {
    area: "tools",
    fault: "the Pulumi CLI is old",
    plant: old("pulumi", "v3.100.0"),
    finds: /pulumi is 3\.100\.0/,
  },
  { area: "tools", fault: "there is no op", env: { OP_CLI_PATH: "/nowhere/op" }, finds: /op cannot be run/ },
  {
    area: "tools",
    fault: "op is old",
    env: { OP_CLI_PATH: "" },
    plant: old("op", "2.20.0"),
    finds: /op is 2\.20\.0/,
  },
  {
    area: "tools",
    fault: "nixos-anywhere is missing",
    env: { PATH: "/usr/bin:/bin" },
    finds: /nixos-anywhere is not on PATH/,
  },
  {
    area: "keys",
    fault: "there is no deploy key",
    env: { PANTHEROS_SSH_KEY: "/nowhere/key" },
    finds: /\/nowhere\/key, which does not exist/,
  },
  {
    area: "keys",
    fault: "others can read the deploy key",
    plant: () => {
      chmodSync(file("keys/deploy"), 0o644);
      return () => chmodSync(file("keys/deploy"), 0o600);
    },
    finds: /can be read by other accounts/,
  },
  {
    area: "keys",
    fault: "the inventory has another deploy key",
    plant: editFleet(/authorized_keys = \["[^"]*"\]/, `authorized_keys = ["${PLACEHOLDER_KEYS[0]}"]`),
    finds: /is not in \[deploy\] authorized_keys/,
  },
  {
    area: "keys",
    fault: "the example key is still there",
    plant: editFleet(/authorized_keys = \[/, `authorized_keys = ["${PLACEHOLDER_KEYS[0]} me", `),
    finds: /example key of the repository/,
  },
  {
    area: "keys",
    fault: "there is no signing key",
    env: { PANTHEROS_SIGNING_KEY: "" },
    finds: /SIGNING_KEY is not set/,
  },
  {
    area: "keys",
    fault: "the hosts trust another signing key",
    plant: editFleet(/public_key = "[^"]*"/, `public_key = "other-1:${randomBytes(32).toString("base64")}"`),
    finds: /public_key is not the public half/,
  },
  {
    area: "keys",
    fault: "the signing key is damaged",
    plant: change("keys/signing-key", (text) => text.slice(0, 40)),
    finds: /not a Nix secret key/,
  },
  {
    area: "keys",
    fault: "the probe key is not in the inventory",
    env: { PANTHEROS_PROBE: "status" },
    plant: editFleet("authorized_keys", `probe_keys = ["${PLACEHOLDER_KEYS[0]}"]\nauthorized_keys`),
    finds: /is not in \[deploy\] probe_keys/,
  },
  {
    area: "flake",
    fault: "there is no lock file",
    plant: change("flake/flake.lock", () => undefined),
    finds: /flake\.lock does not exist/,
  },
  {
    area: "flake",
    fault: "an input is not locked",
    plant: change("flake/flake.lock", () => lockText([])),
    finds: /no entry for site/,
  },
  {
    area: "flake",
    fault: "the lock file has a conflict",
    plant: change("flake/flake.lock", (text) => `<<<<<<<\n${text}`),
    finds: /not a lock file/,
  },
  {
    area: "state",
    fault: "the state's directory is missing",
    env: { PULUMI_BACKEND_URL: "file:///nowhere/state" },
    finds: /\/nowhere\/state does not exist/,
  },
  {
    area: "state",
    fault: "the passphrase is another",
    env: { PULUMI_CONFIG_PASSPHRASE: "wrong" },
    finds: /not the passphrase/,
  },
  {
    area: "state",
    fault: "there is no passphrase",
    env: { PULUMI_CONFIG_PASSPHRASE: undefined },
    finds: /PASSPHRASE is not set/,
  },
  {
    area: "vault",
    fault: "there is no token",
    env: { OP_SERVICE_ACCOUNT_TOKEN: "" },
    finds: /OP_SERVICE_ACCOUNT_TOKEN is not set/,
  },
  {
    area: "vault",
    fault: "the token is unknown",
    env: { OP_SERVICE_ACCOUNT_TOKEN: "ops_x" },
    finds: /1Password refuses OP_SERVICE/,
  },
  {
    area: "vault",
    fault: "the account does not see the program's vault",
    plant: changeVaultFile((vault) => {
      for (const account of vault.serviceAccounts) account.vaults ??= ["faults-sandbox"];
    }),
    finds: /does not see the vault faults/,
  },
  {
    area: "vault",
    fault: "the account sees a vault of somebody else",
    plant: changeVaultFile(({ vaults }) => {
      const [first] = vaults;
      if (first !== undefined) vaults.push({ ...first, id: "p".repeat(26), name: "Private", items: [] });
    }),
    finds: /also sees Private/,
  },
  {
    area: "vault",
    fault: "an item is missing",
    plant: changeVaultFile(({ vaults }) => {
      for (const vault of vaults)
        vault.items = vault.items.filter(({ title }) => !title.startsWith("legacy"));
    }),
    finds: /no item legacy service account in the vault faults/,
  },
  {
    area: "vault",
    fault: "an item lacks its field",
    plant: changeVaultFile(({ vaults }) => {
      for (const { items } of vaults) for (const item of items) item.fields = [];
    }),
    finds: /has no field credential/,
  },
  {
    area: "vault",
    fault: "a host's account reads the program's vault",
    plant: changeVaultFile(({ serviceAccounts }) => {
      for (const account of serviceAccounts) if (account.name === "db") account.vaults?.push("faults");
    }),
    finds: /service account of db also reads faults/,
  },
  {
    area: "hetzner",
    fault: "there is no token",
    env: { HCLOUD_TOKEN: undefined },
    finds: /HCLOUD_TOKEN is not set/,
  },
  {
    area: "hetzner",
    fault: "the token is wrong",
    env: { HCLOUD_TOKEN: "wrong" },
    finds: /refuses HCLOUD_TOKEN/,
  },
  {
    area: "hetzner",
    fault: "the token may only read",
    plant: restrict({ hetzner: { readOnly: true } }),
    finds: /may only read/,
  },
  {
    area: "hetzner",
    fault: "the project has a server of that name",
    plant: create("/servers", { name: "db", server_type: "cx23", image: "debian-13" }, "server"),
    finds: /has a server "db" that no stack created/,
  },
  {
    area: "hetzner",
    fault: "the server type does not exist",
    plant: editFleet('server_type = "cx23"', 'server_type = "cx24"'),
    finds: /no server type "cx24"/,
  },
  {
    area: "hetzner",
    fault: "the project has the deploy key under another name",
    plant: () =>
      create(
        "/ssh_keys",
        { name: "mine", public_key: readFileSync(file("keys/deploy.pub"), "utf8").trim() },
        "ssh_key",
      )(),
    finds: /has the deploy key already, as "mine"/,
  },
  {
    area: "hetzner",
    fault: "the account's limit of servers is reached",
    args: ["--server-limit", "0"],
    finds: /0 servers and gets 1 more/,
  },
  {
    area: "hetzner",
    fault: "the account's limit of addresses is reached",
    args: ["--address-limit", "1"],
    finds: /0 primary IP addresses and gets 2 more/,
  },
  {
    area: "dns",
    fault: "the token is wrong",
    env: { CLOUDFLARE_API_TOKEN: "wrong" },
    finds: /refuses CLOUDFLARE_API_TOKEN/,
  },
  {
    area: "dns",
    fault: "the token is expired",
    plant: restrict({ cloudflare: { token: "expired" } }),
    finds: /TOKEN is expired/,
  },
  {
    area: "dns",
    fault: "the token may only read records",
    plant: restrict({ cloudflare: { permissions: ["#dns_records:read", "#zone:read"] } }),
    finds: /lacks #dns_records:edit/,
  },
  {
    area: "dns",
    fault: "the token may change the zone's settings",
    plant: restrict({
      cloudflare: { permissions: ["#dns_records:edit", "#zone:read", "#zone_settings:edit"] },
    }),
    finds: /more permissions than needed: #zone_settings:edit/,
  },
  {
    area: "dns",
    fault: "the account does not have the zone",
    plant: editFleet('zone = "example.test"', 'zone = "other.test"'),
    finds: /sees no zone other\.test/,
  },
  {
    area: "dns",
    fault: "the zone is not active",
    plant: restrict({ cloudflare: { zone: "pending" } }),
    finds: /is pending at Cloudflare/,
  },
  {
    area: "dns",
    fault: "the zone is paused",
    plant: restrict({ cloudflare: { paused: true } }),
    finds: /is paused/,
  },
  {
    area: "dns",
    fault: "the zone is delegated elsewhere",
    plant: restrict({ cloudflare: { nameServers: ["amy.ns.cloudflare.test", "bob.ns.cloudflare.test"] } }),
    finds: /delegated to art\.ns\.cloudflare\.test and lucy/,
  },
  {
    area: "dns",
    fault: "CAA names another authority",
    plant: editFleet('caa = ["letsencrypt.org"]', 'caa = ["sectigo.com"]'),
    finds: /name sectigo\.com, and not letsencrypt/,
  },
  {
    area: "buckets",
    fault: "the key is wrong",
    env: { AWS_SECRET_ACCESS_KEY: "wrong" },
    finds: /refuses the key/,
  },
  {
    area: "buckets",
    fault: "the key lacks a capability",
    plant: restrict({ s3: { capabilities: ALL } }),
    finds: /lacks writeBucketEncryption/,
  },
  {
    area: "buckets",
    fault: "the key may make keys",
    plant: restrict({ s3: { capabilities: [...ALL, "writeBucketEncryption", "writeKeys"] } }),
    finds: /may do more than needed: writeKeys/,
  },
  {
    area: "buckets",
    fault: "the key is restricted to a bucket",
    plant: restrict({ s3: { bucket: "another" } }),
    finds: /restricted to the bucket another/,
  },
  {
    area: "buckets",
    fault: "the account is in another region",
    plant: editFleet("eu-central-003", "us-west-004"),
    finds: /account is in eu-central-003/,
  },
  {
    area: "buckets",
    fault: "the name is another customer's",
    plant: restrict({ s3: { taken: ["faults-backups"] } }),
    finds: /is the bucket of another customer/,
  },
  {
    area: "buckets",
    fault: "the account has the bucket already",
    plant: async () => {
      const { CreateBucketCommand, DeleteBucketCommand, S3Client } = await import("@aws-sdk/client-s3");
      const { AWS_ACCESS_KEY_ID: accessKeyId = "", AWS_SECRET_ACCESS_KEY: secretAccessKey = "" } = world.env;
      const client = new S3Client({
        endpoint: `http://${world.addressOf("s3")}`,
        region: "eu-central-003",
        forcePathStyle: true,
        credentials: { accessKeyId, secretAccessKey },
      });
      await client.send(new CreateBucketCommand({ Bucket: "faults-backups" }));
      return async () => {
        await client.send(new DeleteBucketCommand({ Bucket: "faults-backups" }));
        client.destroy();
      };
    },
    finds: /has a bucket "faults-backups" that the stack did not create/,
  },
  {
    area: "tailnet",
    fault: "there are no credentials",
    env: { TAILSCALE_OAUTH_CLIENT_SECRET: undefined },
    finds: /CLIENT_SECRET is not set/,
  },
  {
    area: "tailnet",
    fault: "the secret is wrong",
    env: { TAILSCALE_OAUTH_CLIENT_SECRET: "wrong" },
    finds: /refuses the OAuth client/,
  },
  {
    area: "tailnet",
    fault: "a scope is missing",
    plant: restrict({ tailscale: { scopes: ["auth_keys", "dns", "policy_file"] } }),
    finds: /lacks the scopes devices:core/,
  },
  {
    area: "tailnet",
    fault: "the client may do everything",
    plant: restrict({ tailscale: { scopes: ["all"] } }),
    finds: /more scopes than needed: all/,
  },
  {
    area: "tailnet",
    fault: "the client has no tag",
    plant: restrict({ tailscale: { tags: [] } }),
    finds: /not tagged tag:pantheros/,
  },
  {
    area: "tailnet",
    fault: "the policy is not the stack's own",
    plant: editFleet("owns_singletons = false", "owns_singletons = true"),
    finds: /policy that this stack did not write/,
  },
  {
    area: "tailnet",
    fault: "the policy does not define the tag",
    plant: async () => {
      await tailscale("/tailnet/-/acl", { acls: [OPEN_RULE] });
      return () => tailscale("/tailnet/-/acl", TAGGED_POLICY);
    },
    finds: /policy does not define tag:pantheros/,
  },
  {
    area: "tailnet",
    fault: "the tailnet is another",
    env: { TAILSCALE_TAILNET: "other.test" },
    finds: /TAILSCALE_TAILNET is other\.test/,
  },
  {
    area: "hosts",
    fault: "no key is pinned",
    plant: change("known_hosts", () => ""),
    finds: /no host key is pinned for legacy/,
  },
  {
    area: "hosts",
    fault: "the machine shows another key",
    plant: async () => {
      const other = await ensureKeyPair(file("keys/other"), "");
      return change("records/198.51.100.20/key", () => `${other.split(" ").slice(0, 2).join(" ")}\n`)();
    },
    finds: /shows another host key/,
  },
  {
    area: "hosts",
    fault: "the machine is off",
    plant: change("records/198.51.100.20/power", () => "off\n"),
    finds: /legacy \(198\.51\.100\.20\) cannot be reached/,
  },
  {
    area: "policy",
    fault: "a mandatory rule is broken",
    plant: editFleet('"198.51.100.1/32"', '"0.0.0.0/0"'),
    finds: /deploy\.sources/,
  },
  {
    area: "inventory",
    fault: "a key of the inventory is unknown",
    plant: editFleet('domain = "example.test"', 'domain = "example.test"\ndomian = "x"'),
    finds: /fleet\.domian: unknown key/,
  },
  {
    area: "inventory",
    fault: "the stack has no file",
    args: ["--config-file", "/nowhere/Pulumi.faults.yaml"],
    finds: /does not exist/,
  },
];

const messages = (findings: readonly Finding[]) => findings.map(({ what }) => what);

test("nothing is found in a healthy world, and every check has a result", async () => {
  const { code, findings, checks, healthy } = await report({});
  expect(messages(findings)).toEqual([]);
  expect(checks.filter(({ state }) => state !== "ok")).toEqual([]);
  expect([code, healthy]).toEqual([0, true]);
  expect(new Set(checks.map(({ area }) => area))).toEqual(
    new Set(["inventory", ...new Set(FAULTS.map(({ area }) => area))]),
  );
});

test.each(FAULTS)("$area: $fault", async ({ area, plant, finds, ...call }) => {
  const mend = await plant?.();
  try {
    const { code, findings } = await report(call, "--only", area);
    expect(messages(findings)).toEqual(expect.arrayContaining([expect.stringMatching(finds)]));
    for (const { why, fix } of findings) expect([why, fix]).not.toContain("");
    expect(code).toBe(1);
  } finally {
    await mend?.();
  }
});

test("a vendor that does not answer hides nothing of the others, and the text says what was not checked", async () => {
  const mend = restrict({ hetzner: { readOnly: true } })();
  world.switchOn({ fault: "silent", vendor: "cloudflare", requests: "all", times: 0 });
  try {
    const { code, output } = await doctor({}, "--only", "hetzner,dns", "--timeout", "3");
    expect(code).toBe(1);
    expect(output).toContain("error  hetzner, token: HCLOUD_TOKEN may only read");
    expect(output).toContain("dns, token: no result within 3 s");
  } finally {
    world.switchOff();
    mend();
  }
});

test("init, doctor, up: from an empty account to healthy hosts without an edit of a file", async () => {
  const own = `nas=${readFileSync(file("keys/198.51.100.20.pub"), "utf8").trim()}`;
  const init = [
    ...["--stack", "sandbox", "--domain", "example.test", "--vault", "faults", "--zone", "example.test"],
    ...["--deploy-key", file("keys/deploy"), "--signing-key", file("keys/signing-key")],
    ...["--host", "web=hetzner:cx23:fsn1", "--host", "nas=home:198.51.100.20", "--host-key", own],
    ...["--region", "eu-central-003", "--source", "198.51.100.1/32", "--address", "public"],
    ...["--tailnet", "example.test", "--suffix", "tail0000.ts.net", "--admin", "admin@example.test"],
    ...[
      "--fleet",
      file("fleet.toml"),
      "--config-file",
      file("Pulumi.faults.yaml"),
      "--no-env-file",
      "--overwrite",
    ],
  ];
  const made = await world.run([process.execPath, "cli/main.ts", "init", ...init]);
  expect([made.code, made.output]).toEqual([0, expect.stringContaining("fleet.toml: replaced")]);
  // The owner stores the hosts' service accounts in 1Password, as docs/real-account.md says.
  world.fillVault();
  // The policy of a new tailnet has no tag for an OAuth client yet: the first run has an API access token.
  await tailscale("/tailnet/-/acl");
  const { TAILSCALE_API_KEY } = ensureSecrets(world.directory);
  Object.assign(world.env, { TAILSCALE_API_KEY, TAILSCALE_OAUTH_CLIENT_ID: undefined });
  expect(await report({})).toMatchObject({ findings: [], healthy: true });
  const { PATH } = world.env;
  world.env["PATH"] = PATH?.replace(`${programs()}:`, "");
  const up = await world.up();
  world.env["PATH"] = PATH;
  expect([up.code, up.code === 0 ? "" : up.output]).toEqual([0, ""]);
  // What the run made is the stack's own.
  expect(await report({})).toMatchObject({ findings: [], healthy: true });
});

test("no secret is in a report", async () => {
  const { output } = await doctor({ env: { CLOUDFLARE_API_TOKEN: "wrong\ntoken" } }, "--json");
  const secrets = Object.values(ensureSecrets(world.directory)).filter((value) => value.length > 12);
  const vault = readFileSync(vaultFile(), "utf8").match(/ops_[\w-]+/g) ?? [];
  // The OAuth client's id is public: it is part of a path.
  const leaked = [...secrets, ...vault, "wrong"].filter(
    (secret) => output.includes(secret) && secret !== world.env["TAILSCALE_OAUTH_CLIENT_ID"],
  );
  expect(leaked).toEqual([]);
});
