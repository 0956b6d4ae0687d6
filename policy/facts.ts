/**
 * What the rules look at, as plain data. plan-facts.ts makes it from a plan;
 * pack/resource-facts.ts and providers/KIND/policy.ts make it from the resolved inputs of a resource.
 */

/** Each fact has the key of the inventory that decides it, or `resource NAME` when none does. */
interface Fact {
  readonly key: string;
}

/** A network that may reach the sshd of hosts after their installation. */
export interface SshSource extends Fact {
  readonly host: string;
  /** In CIDR notation. */
  readonly network: string;
}

/** A resource whose loss loses data, or an address that others rely on. */
export interface Keepsake extends Fact {
  /** Such as `server web`. */
  readonly what: string;
  readonly environment: string;
  /** Pulumi and the vendor refuse to delete it. */
  readonly isProtected: boolean;
}

export interface BucketFact extends Fact {
  readonly name: string;
  /** Undefined: it is not a bucket of the inventory. */
  readonly purpose: string | undefined;
  readonly isPublic: boolean;
  readonly isEncrypted: boolean;
}

/** A name in the zone. */
export interface NameFact extends Fact {
  /** Full name. */
  readonly name: string;
  readonly zone: string;
  readonly isProxied: boolean;
  /** Whether HTTP is served under the name, which is all that Cloudflare's proxies forward. */
  readonly isHttp: boolean;
  /** The binary cache's name: large pushes fail behind a proxy. */
  readonly isCache: boolean;
}

/** A right in the tailnet: who may reach what. */
export interface GrantFact extends Fact {
  readonly sources: readonly string[];
  readonly targets: readonly string[];
  readonly ports: readonly string[];
  /** The right of the administrators' group, which covers everything. */
  readonly isAdministrators: boolean;
}

/** Labels at a vendor, or tags in the tailnet. */
export interface LabelFact extends Fact {
  readonly what: string;
  readonly kind: "labels" | "tags";
  readonly present: readonly string[];
  /** Names that it must have; one of any name at least. */
  readonly needed: readonly string[];
}

/** A secret of hosts, and the environments of the hosts that receive one and the same value. */
export interface SharedSecretFact extends Fact {
  readonly name: string;
  readonly environments: readonly string[];
}

/** A vault, and who can read it. */
export interface VaultFact extends Fact {
  readonly vault: string;
  readonly reader: "program" | "hosts";
}

/** A connection, and whether it accepts one key only. */
export interface HostKeyFact extends Fact {
  readonly what: string;
  readonly isPinned: boolean;
  /** Why not, for messages. */
  readonly why?: string | undefined;
}

/** How a service asks who its users are. */
export interface AuthFact extends Fact {
  readonly name: string;
  readonly auth: string;
  readonly reason: string | undefined;
}

export interface Facts {
  readonly sshSources: readonly SshSource[];
  readonly keepsakes: readonly Keepsake[];
  readonly buckets: readonly BucketFact[];
  readonly names: readonly NameFact[];
  readonly grants: readonly GrantFact[];
  readonly labels: readonly LabelFact[];
  readonly sharedSecrets: readonly SharedSecretFact[];
  readonly vaults: readonly VaultFact[];
  readonly hostKeys: readonly HostKeyFact[];
  readonly auth: readonly AuthFact[];
  /** Euros that the stack costs in a month; undefined when the prices are not known. */
  readonly monthlyEur: number | undefined;
}

export const NO_FACTS: Facts = {
  sshSources: [],
  keepsakes: [],
  buckets: [],
  names: [],
  grants: [],
  labels: [],
  sharedSecrets: [],
  vaults: [],
  hostKeys: [],
  auth: [],
  monthlyEur: undefined,
};
