/** The zone at Cloudflare: the token, the zone, its delegation, and who may issue certificates for it. */
import { Resolver } from "node:dns/promises";
import { CloudflareApi } from "../../../clients/cloudflare/api.ts";
import {
  type CloudflareZone,
  caaIssuers,
  findZone,
  listZones,
  type Token,
  verifyToken,
} from "../../../clients/cloudflare/zones.ts";
import { VendorError } from "../../../clients/vendor-api.ts";
import {
  CannotCheck,
  type Check,
  missingProblems,
  type Observation,
  type Problem,
  required,
} from "../../../lib/check.ts";
import { messageOf } from "../../../lib/message-of.ts";
import { firstNames } from "../../../lib/names.ts";
import type { DoctorContext } from "../context.ts";

const TOKENS = "dash.cloudflare.com, My Profile, API Tokens";
/** Soon enough to replace a token without hurry. */
const EXPIRY_WARNING_DAYS = 14;
const DAY_MS = 24 * 60 * 60 * 1000;
/** The hosts' certificates come from it (security.acme of NixOS). */
const AUTHORITY = "letsencrypt.org";

/** A token's state. `now`: milliseconds since 1970. */
function tokenStateProblems(token: Token | undefined, now: number): Observation[] {
  const why = "the zone's records are read and written with it";
  const fix = `make a token with Zone.DNS edit and Zone.Zone read (${TOKENS})`;
  if (token === undefined)
    return [{ note: "the token belongs to an account, whose state the vendor does not tell" }];
  if (token.status !== "active") return [{ what: `CLOUDFLARE_API_TOKEN is ${token.status}`, why, fix }];
  const left = token.expires_on == null ? Number.POSITIVE_INFINITY : Date.parse(token.expires_on) - now;
  if (left > EXPIRY_WARNING_DAYS * DAY_MS) return [];
  const days = Math.max(0, Math.floor(left / DAY_MS));
  return [{ what: `CLOUDFLARE_API_TOKEN expires in ${days} days`, why, fix, level: "warning" }];
}

/** Permissions that a run needs on its zone: any one of each list. */
const NEEDED = [["#dns_records:edit"], ["#zone:read", "#zone:edit"]];
const ALLOWED = ["#dns_records:edit", "#dns_records:read", "#zone:read"];

/** What the token may do with its zone, and which other zones it reaches. */
function permissionProblems(zone: CloudflareZone, all: readonly CloudflareZone[]): Problem[] {
  const fix = `edit the token (${TOKENS}): Zone.DNS edit and Zone.Zone read, on the zone ${zone.name} only`;
  const missing = NEEDED.filter((any) => !any.some((each) => zone.permissions.includes(each))).map(
    ([name]) => name,
  );
  const extra = zone.permissions.filter((each) => !ALLOWED.includes(each)).sort();
  const others = all.filter(({ id }) => id !== zone.id).map(({ name }) => name);
  const more = "whoever gets the token can change more than a run does";
  return [
    // An answer without permissions tells nothing.
    ...(missing.length > 0 && zone.permissions.length > 0
      ? [
          {
            what: `CLOUDFLARE_API_TOKEN lacks ${missing.join(" and ")}`,
            why: "the run would fail at the first record",
            fix,
          },
        ]
      : []),
    ...(extra.length > 0
      ? [
          {
            what: `CLOUDFLARE_API_TOKEN has more permissions than needed: ${firstNames(extra)}`,
            why: more,
            fix,
            level: "warning" as const,
          },
        ]
      : []),
    ...(others.length > 0
      ? [
          {
            what: `CLOUDFLARE_API_TOKEN reaches other zones: ${firstNames(others)}`,
            why: more,
            fix,
            level: "warning" as const,
          },
        ]
      : []),
  ];
}

/** State of the zone at its vendor. */
function zoneProblems({ name, status, paused, name_servers: servers }: CloudflareZone): Problem[] {
  const delegate = `set the name servers of ${name} at its registrar to ${servers.join(" and ")}`;
  return [
    ...(status === "active"
      ? []
      : [
          {
            what: `the zone ${name} is ${status} at Cloudflare`,
            why: "its records are not served, so no name leads to a host",
            fix: delegate,
          },
        ]),
    ...(paused
      ? [
          {
            what: `the zone ${name} is paused at Cloudflare`,
            why: "proxied names show the servers' own addresses, whose firewalls admit Cloudflare only",
            fix: "dash.cloudflare.com, the zone, Overview, Advanced Actions, Enable Cloudflare on Site",
          },
        ]
      : []),
  ];
}

/** A name without its final dot, in lower case. */
const plain = (name: string): string => name.toLowerCase().replace(/\.$/, "");

/** Compares the name servers that the DNS gives for a zone with those of the account. */
function delegationProblems(zone: CloudflareZone, found: readonly string[]): Problem[] {
  const wanted = zone.name_servers.map(plain);
  const known = found.map(plain);
  const foreign = known.filter((name) => !wanted.includes(name));
  if (known.length > 0 && foreign.length === 0) return [];
  const what =
    known.length === 0
      ? `the DNS has no name servers for ${zone.name}`
      : `${zone.name} is delegated to ${foreign.sort().join(" and ")}, which are not the account's`;
  return [
    {
      what,
      why: "the records that a run makes are not what others resolve, and certificates are not issued",
      fix: `set the name servers of ${zone.name} at its registrar to ${wanted.join(" and ")}`,
    },
  ];
}

/** Whether the hosts' authority may issue, with the records that exist and those that a run makes. */
function caaProblems(zone: string, existing: readonly string[], planned: readonly string[]): Problem[] {
  const issuers = [...new Set([...existing, ...planned])];
  if (issuers.length === 0 || issuers.includes(AUTHORITY)) return [];
  return [
    {
      what: `the CAA records of ${zone} name ${issuers.map((name) => name || "nobody").join(", ")}, and not ${AUTHORITY}`,
      why: "the hosts get no certificates",
      fix: `add "${AUTHORITY}" to [dns] caa of the inventory`,
    },
  ];
}

const NO_RECORDS = ["ENODATA", "ENOTFOUND"];

/** Name servers of a zone, as the resolver sees them. @throws CannotCheck when it does not answer */
async function nameServers(zone: string, server: string | undefined): Promise<readonly string[]> {
  const resolver = new Resolver({ timeout: 3000, tries: 2 });
  if (server !== undefined) resolver.setServers([server]);
  try {
    return await resolver.resolveNs(zone);
  } catch (error) {
    if (NO_RECORDS.includes((error as { code?: string }).code ?? "")) return [];
    const asked = server ?? resolver.getServers().join(", ");
    throw new CannotCheck(
      `the DNS server ${asked} does not answer: ${messageOf(error)}; --resolver names another`,
    );
  }
}

export function dnsChecks({ plan, env, settings, vendorConfig, resolver }: DoctorContext): Check[] {
  const { dns } = plan.inventory;
  if (dns === undefined) return [];
  const baseUrl = vendorConfig("cloudflare:baseUrl");
  const api = () =>
    new CloudflareApi({
      token: required(env, "CLOUDFLARE_API_TOKEN"),
      maxAttempts: 2,
      ...(baseUrl !== undefined && { endpoint: baseUrl }),
    });
  let finding: Promise<CloudflareZone | undefined> | undefined;
  const zoneIfAny = () => {
    finding ??= findZone(api(), dns.zone);
    return finding;
  };
  const zone = async () => {
    const found = await zoneIfAny();
    if (found === undefined) throw new CannotCheck(`the token does not see the zone ${dns.zone}`);
    return found;
  };
  return [
    {
      name: "token",
      run: async () => {
        const why = "the zone's records are read and written with it";
        const fix = `make a token with Zone.DNS edit and Zone.Zone read (${TOKENS})`;
        const missing = missingProblems(env, ["CLOUDFLARE_API_TOKEN"], why, fix);
        if (missing.length > 0) return missing;
        try {
          return tokenStateProblems(await verifyToken(api()), Date.now());
        } catch (error) {
          if (!(error instanceof VendorError) || error.status === undefined || error.status >= 500)
            throw error;
          return [{ what: `Cloudflare refuses CLOUDFLARE_API_TOKEN: ${messageOf(error)}`, why, fix }];
        }
      },
    },
    { name: "permissions", run: async () => permissionProblems(await zone(), await listZones(api())) },
    {
      name: "zone",
      run: async () => {
        const found = await zoneIfAny();
        if (found !== undefined) {
          const id = settings.cloudflareZoneId;
          const other: Problem = {
            what: `pantheros:cloudflareZoneId is not the id of ${dns.zone}, which is ${found.id}`,
            why: "the records would be made in another zone",
            fix: "remove pantheros:cloudflareZoneId from the stack's file: the zone is looked up by its name",
          };
          return [...zoneProblems(found), ...(id === undefined || id === found.id ? [] : [other])];
        }
        return [
          {
            what: `the token sees no zone ${dns.zone}`,
            why: "the fleet's names are records of this zone",
            fix: `add the domain at dash.cloudflare.com, let the token include it, or correct [dns] zone of the inventory`,
          },
        ];
      },
    },
    {
      name: "delegation",
      run: async () => delegationProblems(await zone(), await nameServers(dns.zone, resolver)),
    },
    {
      name: "CAA",
      run: async () => caaProblems(dns.zone, await caaIssuers(api(), await zone()), dns.caa ?? []),
    },
  ];
}
