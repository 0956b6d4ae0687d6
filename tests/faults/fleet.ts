/** The fleet of the table: small, with one of everything that the program makes. */

const HEAD = `schema = 1

[fleet]
description = "A fault at every step"
domain = "example.test"
vault = "faults"

[environments.ENVIRONMENT]
owns_singletons = true
disposable = DISPOSABLE

[environments.production]

[deploy]
sources = ["198.51.100.1/32"]
address = "public"

[dns]
zone = "example.test"
ttl = 60
caa = ["letsencrypt.org"]

[[dns.records]]
name = "@"
type = "TXT"
content = "v=spf1 -all"

[storage]
region = "eu-central-003"

[buckets.backups]
environment = "ENVIRONMENT"
purpose = "backups"
name = "faults-backups"
noncurrent_days = 30

[tailnet]
name = "example.test"
suffix = "tail0000.ts.net"
nameservers = ["198.51.100.1"]

[tailnet.groups]
admins = ["admin@example.test"]

[secrets.token]
reference = "op://faults/{host} service account/credential"

[hosts.legacy]
environment = "ENVIRONMENT"
profiles = ["server"]
provider = { kind = "existing", vendor = "home", address = "198.51.100.20" }
`;

const DB = `
[hosts.db]
environment = "ENVIRONMENT"
profiles = ["server"]
provider = { kind = "hetzner", location = "nbg1", server_type = "cx23" }

[services.database]
host = "db"
port = 5432
protocol = "tcp"
auth = "own"

[services.hello]
host = "db"
port = 8080
public = true
auth = "none"
auth_reason = "a greeting"
health = "/"
`;

const WEB = `
[hosts.web]
environment = "ENVIRONMENT"
profiles = ["server"]
provider = { kind = "hetzner", location = "fsn1", server_type = "cx23" }
`;

const text = (...parts: string[]): string => parts.join("");

export const ADOPTED_ONLY = HEAD;
export const WITH_DB = text(HEAD, DB);
export const WITH_WEB = text(HEAD, DB, WEB);

/** Edits a fleet's text; the text must change. */
export function edit(before: string, pattern: string | RegExp, after: string): string {
  const changed = before.replace(pattern, after);
  if (changed === before) throw new Error(`nothing to edit for ${String(pattern)}`);
  return changed;
}

/** The inventory for an environment. */
export const fleetText = (fleet: string, environment: string): string =>
  fleet.replaceAll("ENVIRONMENT", environment).replace("DISPOSABLE", String(environment === "sandbox"));
