/** The rules: pure functions over facts. docs/policy.md is written from this file. */
import { isLocalNetwork, isWithin, networkOf } from "../inventory/addresses.ts";
import { nameInZone } from "../inventory/dns.ts";
import type { PolicySettings, RuleName } from "../inventory/policy.ts";
import { firstNames } from "../lib/names.ts";
import type { Facts, GrantFact } from "./facts.ts";

/** A rule that is not kept. */
export interface Violation {
  /** Key in the inventory, or `resource NAME`. */
  readonly key: string;
  readonly message: string;
  readonly remedy: string;
}

export interface Rule {
  /** One sentence: what is true when the rule is kept. */
  readonly text: string;
  readonly why: string;
  /** Keys of `[policy]` that say what is allowed. */
  readonly allowedBy?: readonly string[];
  check(facts: Facts, policy: PolicySettings): Violation[];
}

/** Longest networks that are somebody's own: 256 IPv4 addresses, and the IPv6 prefix of one site (RFC 6177). */
const OWN_NETWORK_BITS = { ipv4: 24, ipv6: 48 };

function isOwnNetwork(network: string): boolean {
  const { bits, family } = networkOf(network);
  return bits >= OWN_NETWORK_BITS[family];
}

/** Facts in groups of the same text, in the order of the first of each. */
function grouped<T>(facts: readonly T[], textOf: (fact: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const fact of facts) {
    const group = groups.get(textOf(fact));
    if (group === undefined) groups.set(textOf(fact), [fact]);
    else group.push(fact);
  }
  return [...groups.values()];
}

const sshNotPublic: Rule = {
  text: "After the installation, sshd is reached over the tailnet or from the fleet's own networks.",
  why: "An sshd that the whole internet reaches is attacked within minutes, and one fault in it opens every host.",
  allowedBy: ["ssh_sources"],
  check({ sshSources }, { sshSources: allowed }) {
    const open = sshSources.filter(
      ({ network }) =>
        !isLocalNetwork(network) &&
        !(allowed === undefined ? isOwnNetwork(network) : isWithin(network, allowed)),
    );
    return grouped(open, ({ key, network }) => `${key} ${network}`).map((group) => {
      const [{ key, network } = { key: "", network: "" }] = group;
      const limit =
        allowed === undefined
          ? `a network of at most 256 addresses (IPv4 /${OWN_NETWORK_BITS.ipv4}, IPv6 /${OWN_NETWORK_BITS.ipv6})`
          : "one of [policy] ssh_sources";
      return {
        key,
        message: `${network} may reach the sshd of ${firstNames(group.map(({ host }) => host))} after the installation`,
        remedy: `write the addresses of your runners, ${limit}`,
      };
    });
  },
};

const protectedData: Rule = {
  text: "In production, Pulumi and the vendors refuse to delete what can't be made again.",
  why: "A renamed table or a wrong stack would delete a disk, an address or a bucket with its data.",
  allowedBy: ["production"],
  check({ keepsakes }, { production }) {
    const open = keepsakes.filter(
      ({ environment, isProtected }) => production.includes(environment) && !isProtected,
    );
    return grouped(open, ({ key }) => key).map((group) => {
      const [{ key, environment } = { key: "", environment: "" }] = group;
      return {
        key,
        message: `${environment} is production, and nothing protects ${firstNames(group.map(({ what }) => what))}`,
        remedy: "set protect = true for the environment",
      };
    });
  },
};

const privateBuckets: Rule = {
  text: "Buckets are encrypted, and private unless their purpose allows public data.",
  why: "A public bucket is found by its name, and copies of its objects can't be taken back.",
  allowedBy: ["public_purposes"],
  check({ buckets }, { publicPurposes }) {
    return buckets.flatMap(({ key, name, purpose, isPublic, isEncrypted }) => [
      ...(isPublic && !(purpose !== undefined && publicPurposes.includes(purpose))
        ? [
            {
              key: key.startsWith("buckets.") ? `${key}.public_read` : key,
              message: `anybody may read the bucket ${name}${purpose === undefined ? "" : `, which is for ${purpose}`}`,
              remedy: `remove public_read, or add the purpose to [policy] public_purposes (${firstNames(publicPurposes)})`,
            },
          ]
        : []),
      ...(isEncrypted
        ? []
        : [
            {
              key,
              message: `the bucket ${name} is not encrypted`,
              remedy: "give it an encryption with AES256",
            },
          ]),
    ]);
  },
};

const proxiedNames: Rule = {
  text: "Cloudflare proxies only names that may be proxied, and only names that serve HTTP.",
  why: "A proxy reads and can change all traffic of a name. It forwards HTTP only, and refuses large uploads.",
  allowedBy: ["proxied_names"],
  check({ names }, { proxiedNames: allowed }) {
    return names
      .filter(({ isProxied }) => isProxied)
      .flatMap(({ key, name, zone, isHttp, isCache }) => {
        const remedy = "set proxied = false";
        if (isCache)
          return [{ key, message: `${name}, the binary cache, is proxied: large pushes fail`, remedy }];
        if (!isHttp) return [{ key, message: `${name} is proxied and serves no HTTP`, remedy }];
        if (allowed === "all" || allowed.some((one) => nameInZone(zone, one) === name)) return [];
        return [
          {
            key,
            message: `${name} is proxied and not one of [policy] proxied_names`,
            remedy: `${remedy}, or add the name there`,
          },
        ];
      });
  },
};

/** Sources that stand for people or devices which no group lists. Source: tailscale.com/kb/1337, "Autogroups". */
const isEverybody = (source: string): boolean =>
  source === "*" ||
  source.startsWith("*@") ||
  source.startsWith("user:*@") ||
  ["0.0.0.0/0", "::/0"].includes(source) ||
  (source.startsWith("autogroup:") && !["autogroup:owner", "autogroup:admin"].includes(source));

function grantViolations({ key, sources, targets, ports, isAdministrators }: GrantFact): Violation[] {
  const everybody = sources.filter(isEverybody);
  const violations: Violation[] = everybody.map((source) => ({
    key,
    message: `${source} stands for more than the people that a group lists`,
    remedy: "list the logins of the members",
  }));
  const wild = [
    ...(targets.includes("*") ? ["every device"] : []),
    ...(ports.includes("*") ? ["every port"] : []),
  ];
  if (wild.length > 0 && !isAdministrators) {
    violations.push({
      key,
      message: `${firstNames(sources)} may reach ${wild.join(" and ")}`,
      remedy: "name the devices and the ports",
    });
  }
  return violations;
}

const narrowGrants: Rule = {
  text: "In the tailnet, only the administrators' group may reach everything, and groups list their members.",
  why: "A wildcard also grants what is added later: every new device, every invited user.",
  check: ({ grants }) => grants.flatMap(grantViolations),
};

const labelsAndTags: Rule = {
  text: "Servers have the required labels, and devices have a tag.",
  why: "Costs, clean-up and the recovery find a server by its labels, and the tailnet's policy a host by its tags.",
  allowedBy: ["required_labels"],
  check({ labels }) {
    return labels.flatMap(({ key, what, kind, present, needed }) => {
      const missing = needed.filter((name) => !present.includes(name));
      const one = kind === "labels" ? "label" : "tag";
      if (missing.length > 0) {
        return [
          {
            key,
            message: `${what} lacks the ${missing.length > 1 ? kind : one} ${firstNames(missing)}`,
            remedy: `add ${missing.length > 1 ? "them" : "it"}, or change [policy] required_labels`,
          },
        ];
      }
      if (present.length > 0) return [];
      return [{ key, message: `${what} has no ${one}`, remedy: `add one, such as "server"` }];
    });
  },
};

const separateSecrets: Rule = {
  text: "No host reads the program's vault, and production shares no secret with other environments.",
  why: "A service account reads whole vaults. Whoever takes a host of staging would have production's secret too.",
  allowedBy: ["production", "shared_secrets"],
  check({ sharedSecrets, vaults }, { production, sharedSecrets: allowed }) {
    const shared = sharedSecrets.filter(
      ({ name, environments }) =>
        !allowed.includes(name) &&
        environments.some((one) => production.includes(one)) &&
        environments.some((one) => !production.includes(one)),
    );
    const programs = vaults.filter(({ reader }) => reader === "program");
    return [
      ...shared.map(({ key, name, environments }) => ({
        key,
        message: `hosts of ${firstNames([...new Set(environments)])} receive the same secret ${name}`,
        remedy:
          "write {host} into its reference, or one secret for each environment, or add it to [policy] shared_secrets",
      })),
      ...grouped(
        vaults.filter(({ reader }) => reader === "hosts"),
        ({ key }) => key,
      )
        .flatMap(([first]) => first ?? [])
        .flatMap(({ key, vault }) => {
          const same = programs.find((one) => one.vault.toLowerCase() === vault.toLowerCase());
          if (same === undefined) return [];
          return [
            {
              key,
              message: `hosts read the vault ${vault}, which is also ${same.key}`,
              remedy: "give the hosts a vault of their own",
            },
          ];
        }),
    ];
  },
};

const pinnedHostKeys: Rule = {
  text: "Every SSH connection accepts one pinned host key only.",
  why: "Without it, whoever answers at the address receives the deploy, and its secrets.",
  check: ({ hostKeys }) =>
    hostKeys
      .filter(({ isPinned }) => !isPinned)
      .map(({ key, what, why }) => ({
        key,
        message: `no host key is pinned for ${what}${why === undefined ? "" : ` (${why})`}`,
        remedy:
          "on the machine's console run `cat /etc/ssh/ssh_host_ed25519_key.pub`, and set the host's host_key or add the line to known_hosts, with the address before it",
      })),
};

const reasonsForNoAuth: Rule = {
  text: 'A service with `auth = "none"` says why.',
  why: "An open service is often an oversight. A reason shows that somebody decided it.",
  check: ({ auth }) =>
    auth
      .filter((fact) => fact.auth === "none" && (fact.reason ?? "").trim() === "")
      .map(({ key, name }) => ({
        key,
        message: `${name} asks nobody who they are, and no reason is written`,
        remedy: 'set auth_reason, or another auth, such as "sso"',
      })),
};

/** `12.3` -> `12.30 EUR` */
const euros = (amount: number): string => `${amount.toFixed(2)} EUR`;

const costCeiling: Rule = {
  text: "A stack costs no more in a month than the ceiling.",
  why: "A wrong server type or a loop over hosts is seen on the invoice, weeks later.",
  allowedBy: ["monthly_eur_max"],
  check({ monthlyEur }, { monthlyEurMax }) {
    if (monthlyEur === undefined || monthlyEurMax === undefined || monthlyEur <= monthlyEurMax) return [];
    return [
      {
        key: "policy.monthly_eur_max",
        message: `the stack would cost ${euros(monthlyEur)} a month, and the ceiling is ${euros(monthlyEurMax)}`,
        remedy: "choose smaller servers, or raise the ceiling",
      },
    ];
  },
};

export const RULES: Readonly<Record<RuleName, Rule>> = {
  "ssh-not-public": sshNotPublic,
  "protected-data": protectedData,
  "private-buckets": privateBuckets,
  "proxied-names": proxiedNames,
  "narrow-grants": narrowGrants,
  "labels-and-tags": labelsAndTags,
  "separate-secrets": separateSecrets,
  "pinned-host-keys": pinnedHostKeys,
  "reasons-for-no-auth": reasonsForNoAuth,
  "cost-ceiling": costCeiling,
};
