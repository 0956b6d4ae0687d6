import * as z from "zod";
import { dns } from "./dns.ts";
import { serviceHealth } from "./health.ts";
import { environmentName, host, vaultName } from "./host.ts";
import { budgets, mountClass, ports } from "./machine.ts";
import { role, user } from "./people.ts";
import { policy } from "./policy.ts";
import {
  absoluteDirectory,
  camelKeys,
  cidr,
  domainName,
  ipAddress,
  label,
  nixPublicKey,
  port,
  secretReference,
  sshPublicKey,
} from "./primitives.ts";
import { promotion } from "./promotion.ts";
import { hostSeconds, runnerSeconds } from "./seconds.ts";

const environment = z
  .strictObject({
    protect: z
      .boolean()
      .default(false)
      .describe(
        "Pulumi's `protect`, and the vendors' deletion protection, on resources that can't be restored",
      ),
    disposable: z
      .boolean()
      .default(false)
      .describe(
        "nothing of this environment is kept: servers, buckets and the tailnet's policy are deleted with the stack, unless `protect` forbids it",
      ),
    owns_singletons: z
      .boolean()
      .default(false)
      .describe(
        "this stack owns the resources that exist once: records of the zone's apex, the tailnet's policy",
      ),
    dns_prefix: label
      .optional()
      .describe("label after every host's and service's name: `grafana.staging.example.test`"),
    vault: vaultName
      .optional()
      .describe(
        "1Password vault that the service accounts of its hosts read, all of it; without it the vault is named `FLEET_VAULT-ENVIRONMENT`, after `[fleet] vault`",
      ),
    gateway: label
      .optional()
      .describe("host that serves the public names of all its services; without it each host serves its own"),
  })
  .transform(camelKeys);

const deploy = z
  .strictObject({
    user: label.default("deploy").describe("account that deploys; it may only run the supervisor's verbs"),
    sources: z
      .array(cidr)
      .default([])
      .describe(
        'networks that may reach sshd from the internet: during an installation, and always with `address = "public"`',
      ),
    authorized_keys: z.array(sshPublicKey).default([]).describe("public keys that may deploy"),
    probe_keys: z
      .array(sshPublicKey)
      .default([])
      .describe("public keys that may only read a host's status, for previews of pull requests"),
    ...hostSeconds,
    address: z
      .enum(["tailnet", "public"])
      .default("tailnet")
      .describe("address that deploys use after the installation"),
    trusted_builders: z
      .array(label)
      .default([])
      .describe(
        "builders (`build` of a host) that all hosts trust like the runner: their closures are signed with the fleet's key and pushed to the cache, so root on a trusted builder can change every host",
      ),
    seconds: runnerSeconds.prefault({}).describe("time limits of a run's steps, in whole seconds"),
  })
  .transform(camelKeys);

const cachix = z
  .strictObject({
    name: label.describe("its name at cachix.org"),
    public_key: nixPublicKey.describe("key that signs its contents"),
  })
  .transform(camelKeys);

const cache = z
  .strictObject({
    url: z.url().optional().describe("substituter that hosts and runners use"),
    push: z.string().optional().describe("store that deploys push to, such as `s3://bucket?endpoint=…`"),
    public_key: nixPublicKey.optional().describe("key that signs the cache's contents"),
    name: label
      .default("cache")
      .describe(
        "name in the zone; never proxied, because Cloudflare limits request bodies and large pushes would fail",
      ),
    host: label.optional().describe("host that serves the cache"),
    cachix: cachix.optional().describe("a cache at cachix.org that hosts read too"),
  })
  .transform(camelKeys);

const service = z
  .strictObject({
    host: label.describe("host it runs on"),
    port: port.describe("port that it listens on; each port of a host has one service"),
    description: z.string().optional(),
    public: z.boolean().default(false).describe("has a public name"),
    proxied: z
      .boolean()
      .optional()
      .describe("proxied by Cloudflare; the default is true for public HTTP services"),
    subdomain: label.optional().describe("its name in the zone, when it differs from the table's key"),
    auth: z
      .enum(["sso", "none", "own"])
      .default("sso")
      .describe("single sign-on, none, or the service's own"),
    auth_reason: z.string().min(1).optional().describe("why a public service needs no authentication"),
    protocol: z.enum(["http", "tcp"]).default("http"),
    health: serviceHealth
      .optional()
      .describe(
        "path that returns 200 when the service is healthy, or a check like those of a host, or a list of them; the checks run on its host",
      ),
    mfa: z.boolean().default(false).describe("single sign-on requires a second factor"),
    metrics: z.string().startsWith("/").optional().describe("path that Prometheus scrapes"),
    backup: z.array(absoluteDirectory).default([]).describe("directories of its host to back up"),
    groups: z
      .array(label)
      .default([])
      .describe(
        "groups that may use it, in addition to administrators: in the tailnet, and at single sign-on",
      ),
    module: label
      .optional()
      .describe(
        "NixOS module under `pantheros.services` that runs it, when it differs from the table's key; `custom`: the host's folder runs it",
      ),
    options: z
      .record(z.string(), z.unknown())
      .default({})
      .describe("settings for the NixOS module that runs it"),
  })
  .transform(camelKeys);

const bucket = z
  .strictObject({
    environment: environmentName.describe("the stack that owns the bucket"),
    purpose: label.describe(
      "what it holds. Modules find the buckets for `cache`, `postgres` and `backups`; `state` is for Pulumi; any other word is a use of your own",
    ),
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{4,48}[a-z0-9]$/, "6 to 50 lower-case letters, digits and inner dashes")
      .describe("name at the vendor, where it is shared by all customers"),
    public_read: z
      .boolean()
      .default(false)
      .describe(
        "anyone may read its objects without a key, as hosts do with a cache; not for `postgres`, `backups` and `state`",
      ),
    noncurrent_days: z
      .int()
      .positive()
      .default(30)
      .describe("days for which a hidden or replaced version is kept"),
    expire_days: z
      .int()
      .positive()
      .optional()
      .describe("days after which a current object is hidden; without it never"),
  })
  .transform(camelKeys);

const storage = z
  .strictObject({
    region: z
      .string()
      .regex(/^[a-z]+-[a-z]+-\d{3}$/, 'not a B2 region such as "eu-central-003"')
      .describe("Backblaze B2 region of the account"),
  })
  .transform(camelKeys);

const tailnet = z
  .strictObject({
    name: z.string().min(1).describe("name of the tailnet in the API"),
    suffix: domainName.describe("MagicDNS suffix, such as `tail1234.ts.net`"),
    groups: z
      .record(label, z.array(z.string().min(3)))
      .default({})
      .describe("group -> logins of its members"),
    admins: label.default("admins").describe("group that may reach everything"),
    nameservers: z.array(ipAddress).default([]),
    search_paths: z.array(domainName).default([]),
    magic_dns: z.boolean().default(true),
    key_expiry_days: z.int().min(1).max(90).default(1).describe("days until a host's one-time key expires"),
  })
  .transform(camelKeys);

const secret = z
  .strictObject({
    reference: secretReference.describe("1Password reference; `{host}` is replaced by the host's name"),
    hosts: z
      .union([z.literal("all"), z.array(label).min(1)])
      .default("all")
      .describe("hosts that receive it"),
  })
  .transform(camelKeys);

const fleet = z
  .strictObject({
    description: z.string().optional(),
    domain: domainName.describe("the fleet's domain"),
    vault: vaultName.default("pantherOS").describe("1Password vault of the program; hosts can't read it"),
  })
  .transform(camelKeys);

/** The whole `fleet.toml`. Checks that need more than one table are in checks.ts. */
export const inventorySchema = z.strictObject({
  schema: z.literal(1).describe("version of the schema"),
  fleet: fleet.describe("settings of the whole fleet"),
  environments: z
    .record(environmentName, environment)
    .default({})
    .describe("one table per environment, of any name; a stack has one (`pantheros:environment`)"),
  promotion: z
    .record(environmentName, promotion)
    .default({})
    .describe("a table for each environment that may only deploy what a different environment has confirmed"),
  deploy: deploy.prefault({}).describe("settings of deploys"),
  cache: cache.prefault({}).describe("the binary cache"),
  hosts: z
    .record(label, host)
    .refine((hosts) => Object.keys(hosts).length > 0, "a fleet has at least one host")
    .describe("one table per host"),
  roles: z.record(label, role).default({}).describe("one table per role: the rights of accounts"),
  users: z.record(label, user).default({}).describe("one table per person with an account"),
  mounts: z.record(label, mountClass).default({}).describe("one table per mount class of disks"),
  ports: ports.prefault({}).describe("ports that several modules use"),
  budgets: budgets
    .optional()
    .describe("limits that the fleet promises; benchmarks and alerts compare with them"),
  policy: policy.prefault({}).describe("rules that a run checks first; docs/policy.md has each rule"),
  services: z.record(label, service).default({}).describe("one table per service"),
  dns: dns.optional().describe("DNS; without it the program changes no zone"),
  storage: storage.optional().describe("object storage"),
  buckets: z.record(label, bucket).default({}).describe("one table per bucket"),
  tailnet: tailnet.optional().describe("Tailscale; without it the program changes no tailnet"),
  secrets: z.record(label, secret).default({}).describe("one table per secret of hosts"),
});

export type Inventory = z.infer<typeof inventorySchema>;
export type Environment = z.infer<typeof environment>;
export type Service = z.infer<typeof service>;
export type Bucket = z.infer<typeof bucket>;
export type SecretSettings = z.infer<typeof secret>;

export type { Host } from "./host.ts";
