/** A fleet that keeps all rules, and how to break it. */
import { parseKnownHosts } from "../../../inventory/known-hosts.ts";
import { parseInventory } from "../../../inventory/load.ts";
import { type Plan, planFor } from "../../../inventory/plan.ts";
import type { PlanContext } from "../../../policy/plan-facts.ts";
import { ED25519 } from "../ssh-keys.ts";

export const FLEET = `schema = 1

[fleet]
domain = "example.test"
vault = "fleet"

[environments.production]
protect = true
owns_singletons = true

[environments.staging]

[deploy]
sources = ["198.51.100.0/24", "2001:db8:1::/48", "10.0.0.0/8"]
address = "public"

[cache]
host = "web"

[hosts.web]
environment = "production"
profiles = ["server"]
provider = { kind = "hetzner", location = "fsn1", server_type = "cx23", labels = { owner = "team" } }

[hosts.home]
environment = "production"
profiles = ["server"]
provider = { kind = "existing", vendor = "home", address = "198.51.100.20" }

[hosts.mirror]
environment = "staging"
profiles = ["server"]
provider = { kind = "hetzner", location = "fsn1", server_type = "cx23" }

[services.grafana]
host = "web"
port = 3000
public = true
groups = ["developers"]

[services.hello]
host = "web"
port = 8080
public = true
auth = "none"
auth_reason = "a greeting"

[dns]
zone = "example.test"

[[dns.records]]
name = "www"
type = "CNAME"
content = "elsewhere.example.com"
proxied = true

[storage]
region = "eu-central-003"

[buckets.cache]
environment = "production"
purpose = "cache"
name = "example-cache"
public_read = true

[buckets.media]
environment = "production"
purpose = "media"
name = "example-media"

[tailnet]
name = "example.test"
suffix = "tail0000.ts.net"

[tailnet.groups]
admins = ["admin@example.test"]
developers = ["developer@example.test"]

[secrets.token]
reference = "op://fleet/{host}/credential"

[secrets.mail]
reference = "op://fleet/mail/password"
hosts = ["web", "home"]

[policy]
required_labels = ["owner"]
monthly_eur_max = 50
`;

/** Replaces a part of the fleet, which must be there. */
export function edited(...edits: readonly (readonly [before: string, after: string])[]): string {
  return edits.reduce((text, [before, after]) => {
    if (!text.includes(before)) throw new Error(`nothing to edit for ${before}`);
    return text.replace(before, () => after);
  }, FLEET);
}

export const planOf = (text: string, environment = "production"): Plan =>
  planFor(parseInventory(text, "fleet.toml"), environment);

const PINS = parseKnownHosts(`198.51.100.20 ${ED25519}\n`, "known_hosts");

export const CONTEXT: PlanContext = { pins: PINS, addresses: {}, monthlyEur: 49.99 };

/** A day on which no exception of the tests ends. */
export const NOW = Date.parse("2026-06-15T12:00:00Z");
