import * as pulumi from "@pulumi/pulumi";
import * as tailscale from "@pulumi/tailscale";
import { shortName } from "../../lib/short-name.ts";
import { tailnetDevice } from "./device.ts";
import { type TaggedHost, type TailnetPolicy, tagsOf } from "./policy.ts";

/** Settings that exist once in a tailnet. */
export interface TailnetSingletons {
  readonly policy: TailnetPolicy;
  /**
   * Replaces a policy that Pulumi did not write. False by default: the provider then refuses, and an
   * existing policy is imported with `pulumi import tailscale:index/acl:Acl NAME acl`.
   */
  readonly overwritePolicy?: boolean;
  /** Restores the vendor's default policy (every device reaches every other) on destroy. False by default. */
  readonly resetPolicyOnDestroy?: boolean;
  readonly magicDns: boolean;
  /** Global resolvers; empty: each device keeps its own. */
  readonly nameservers: readonly string[];
  readonly searchPaths: readonly string[];
}

/** One stack's part in the tailnet. */
export interface TailnetArgs {
  /** Hosts that get a key, with the former name of a renamed one. */
  readonly hosts: readonly (TaggedHost & { readonly formerly?: string | undefined })[];
  readonly stack: string;
  /** Host name -> its created machine: a replaced machine has to join again, with a new key. */
  readonly machines?: ReadonlyMap<string, pulumi.Resource>;
  /** Days in which a host has to join with its key (1 to 90). */
  readonly keyExpiryDays: number;
  /** Only for the stack that owns the singletons. */
  readonly singletons?: TailnetSingletons | undefined;
}

const SECONDS_PER_DAY = 24 * 60 * 60;

/** Source: the API's answer to a longer description, "description must be at most 50 characters". */
const MAX_DESCRIPTION_LENGTH = 50;

/** Description of a key, letters and digits only. Recovery finds keys by it, so it is unique per host. */
export const keyDescription = (stack: string, host: string): string =>
  shortName(`pantheros ${stack} ${host}`.replace(/[^A-Za-z0-9]/g, ""), MAX_DESCRIPTION_LENGTH, "");

/**
 * Policy and DNS of a tailnet (for their owner), and one key per host to join with: one-off,
 * pre-authorised, tagged. A used or expired key is not created again, or every run would show a change.
 * A replaced server gets a new key; for any other host that has to join again, run
 * `pulumi up --replace URN-OF-ITS-KEY`. Tagged devices never expire.
 *
 * Access: an OAuth client with the scopes `auth_keys`, `policy_file`, `dns` and `devices:core`, tagged `tag:pantheros`.
 */
export class Tailnet extends pulumi.ComponentResource {
  /** Host name -> key. Secret. */
  readonly keys: Readonly<Record<string, pulumi.Output<string>>>;
  /** Host name -> resolves when its device, if it has joined, has this name. */
  readonly devices: Readonly<Record<string, pulumi.Output<string>>>;

  constructor(name: string, args: TailnetArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pantheros:tailnet:Tailnet", name, {}, opts);
    const policy = args.singletons && this.#singletons(name, args.singletons);
    this.keys = Object.fromEntries(
      args.hosts.map((host) => {
        const machine = args.machines?.get(host.name);
        const key = new tailscale.TailnetKey(
          `${name}-key-${host.name}`,
          {
            description: keyDescription(args.stack, host.name),
            reusable: false,
            ephemeral: false,
            preauthorized: true,
            tags: tagsOf(host),
            expiry: args.keyExpiryDays * SECONDS_PER_DAY,
            recreateIfInvalid: "never",
          },
          // The tags must be in the policy before a key can have them.
          {
            parent: this,
            additionalSecretOutputs: ["key"],
            ...(policy && { dependsOn: [policy] }),
            ...(machine && { replaceWith: [machine] }),
          },
        );
        return [host.name, pulumi.secret(key.key)];
      }),
    );
    this.devices = Object.fromEntries(
      args.hosts.map((host) => {
        const opts = { parent: this, ...(policy && { dependsOn: [policy] }) };
        return [host.name, tailnetDevice(`${name}-device-${host.name}`, host, opts)];
      }),
    );
    this.registerOutputs({ keys: this.keys });
  }

  #singletons(name: string, args: TailnetSingletons): tailscale.Acl {
    const policy = new tailscale.Acl(
      `${name}-policy`,
      {
        acl: JSON.stringify(args.policy, null, 2),
        overwriteExistingContent: args.overwritePolicy ?? false,
        resetAclOnDestroy: args.resetPolicyOnDestroy ?? false,
      },
      { parent: this },
    );
    // One after the other: each of these calls reads and writes the tailnet's only DNS configuration.
    let previous: pulumi.Resource[] = [];
    const next = (resource: pulumi.Resource) => {
      previous = [resource];
    };
    const opts = () => ({ parent: this, dependsOn: previous });
    if (args.nameservers.length > 0) {
      next(
        new tailscale.DnsNameservers(`${name}-nameservers`, { nameservers: [...args.nameservers] }, opts()),
      );
    }
    next(new tailscale.DnsPreferences(`${name}-dns`, { magicDns: args.magicDns }, opts()));
    if (args.searchPaths.length > 0) {
      next(new tailscale.DnsSearchPaths(`${name}-search`, { searchPaths: [...args.searchPaths] }, opts()));
    }
    return policy;
  }
}
