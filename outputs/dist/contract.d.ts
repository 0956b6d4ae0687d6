export declare const SCHEMA_VERSION = 1;
/** Outputs of a PantherOS stack, version 1. No value in it is secret. */
export type StackOutputs = {
  readonly schemaVersion: 1;
  /** Environment of the inventory that the stack owns */
  readonly environment?: string;
  /** What the last run deployed, and whether it is confirmed */
  readonly revision?: {
    /** Commit of the checkout that the last run deployed from */
    readonly commit?: string;
    /** Git's id of the flake's directory in that commit */
    readonly tree?: string;
    /** Whether the directory had changes that the tree does not contain */
    readonly dirty?: boolean;
    /** Whether every always reachable host runs its system of this revision, confirmed in the last run */
    readonly converged: boolean;
    /** Since when it has been converged at this tree, by the runner's clock (RFC 3339) */
    readonly since?: string;
    /** Trees that were converged before, the newest first */
    readonly earlier?: readonly {
      readonly tree: string;
      readonly commit?: string;
      /** When every always reachable host had confirmed it (RFC 3339) */
      readonly since: string;
      /** When a run with a different tree began to replace it (RFC 3339) */
      readonly until: string;
    }[];
    /** Approval with which this tree was deployed before its time */
    readonly approval?: {
      /** User of the inventory who signed it */
      readonly by: string;
      readonly reason: string;
      /** When it ceases to count (RFC 3339) */
      readonly expires: string;
    };
  };
  /** What the stack costs at its vendors, as far as their prices are known */
  readonly cost?: {
    /** Price of a month of the stack's servers, addresses, volumes and backups, net */
    readonly monthly: number;
    /** ISO 4217, such as EUR */
    readonly currency: string;
  };
  readonly hosts: { readonly [name: string]: {
    readonly addresses: {
      readonly ipv4?: string;
      readonly ipv6?: string;
      /** Name inside the tailnet */
      readonly tailnet?: string;
    };
    /** Public SSH host key, type and base64: pin it */
    readonly hostKey?: string;
    /** Store path of the running system, according to the host */
    readonly closure?: string;
    /** Generation of the system profile */
    readonly generation?: number;
    /** Store path of the system that the last run deployed, or would have deployed */
    readonly wanted?: string;
    /** Store path of the system that the host booted */
    readonly booted?: string;
    /** Wave in which the host is deployed to; the lowest one is first */
    readonly wave?: number;
    /** always: a run fails when this host does not converge; best-effort: it may be off */
    readonly reachability?: "always" | "best-effort";
    readonly health: readonly {
      /** Name of the check in the inventory */
      readonly name: string;
      readonly ok: boolean;
      /** What the check found */
      readonly detail?: string;
    }[];
    /** How the last deploy ended. confirmed: the host runs the wanted system; staged: it does so after its next reboot; otherwise it does not */
    readonly outcome?: "confirmed" | "staged" | "rolled-back" | "held" | "offline" | "failed";
    /** Why the outcome is not confirmed */
    readonly reason?: string;
    /** Step of the deploy that failed */
    readonly step?: string;
    /** What may correct the failure */
    readonly hint?: string;
    /** Duration of the last deploy's steps in seconds, step -> seconds */
    readonly seconds?: { readonly [name: string]: number };
    /** Store path at which the host is pinned, instead of the flake's system */
    readonly pinned?: string;
    /** Origin of the committed system */
    readonly provenance?: {
      /** Commit that the runner deployed from */
      readonly commit?: string;
      /** Whether its checkout had uncommitted changes */
      readonly dirty?: boolean;
      /** Who ran the deploy, according to the runner */
      readonly by?: string;
      /** When the host committed the system, by its own clock (RFC 3339) */
      readonly at: string;
      /** Store path that was committed */
      readonly closure: string;
      /** Store path that was committed before */
      readonly previous?: string;
    };
  } };
  readonly services: { readonly [name: string]: {
    /** Its address, on the internet or inside the tailnet */
    readonly url: string;
    readonly host: string;
    readonly public: boolean;
  } };
  readonly dns: {
    readonly zone?: string;
    readonly records: readonly {
      readonly name: string;
      readonly type: string;
      /** In zone file form */
      readonly content: string;
      readonly proxied: boolean;
    }[];
  };
  readonly buckets: { readonly [name: string]: {
    readonly name: string;
    readonly endpoint: string;
    readonly region: string;
  } };
  readonly cache: {
    /** Nix substituter */
    readonly url?: string;
    /** Nix public key, name:base64 */
    readonly publicKey?: string;
  };
  /** Servers of decommissioned hosts that still exist: without names and deploys, behind a closed firewall */
  readonly retired?: { readonly [name: string]: {
    readonly addresses: {
      readonly ipv4?: string;
      readonly ipv6?: string;
    };
    /** kept: the server keeps its disk; unprotected: the next run deletes it */
    readonly server: "kept" | "unprotected";
  } };
};
export type HostOutputs = StackOutputs["hosts"][string];
export type Revision = NonNullable<StackOutputs["revision"]>;
