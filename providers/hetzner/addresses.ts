import * as hcloud from "@pulumi/hcloud";
import type * as pulumi from "@pulumi/pulumi";
import { idNumber } from "./account.ts";

/** Public addresses of one server; their resources outlive it. */
export interface PublicAddresses {
  readonly ipv4: pulumi.Output<string> | undefined;
  /** The server's own address: the first of its /64. */
  readonly ipv6: pulumi.Output<string>;
  /** The server's `publicNets` entry. */
  readonly publicNet: {
    ipv4Enabled: boolean;
    ipv4?: pulumi.Output<number>;
    ipv6Enabled: true;
    ipv6: pulumi.Output<number>;
  };
  /** Ids of the primary IPs, for reverse DNS. */
  readonly ids: { readonly ipv4?: pulumi.Output<number>; readonly ipv6: pulumi.Output<number> };
}

export interface PublicAddressesArgs {
  readonly location: pulumi.Input<string>;
  readonly labels: Record<string, pulumi.Input<string>>;
  readonly withIpv4: boolean;
  readonly protect: boolean;
  readonly retainOnDelete?: boolean;
}

/**
 * The address a Hetzner server takes in its IPv6 network: `2001:db8:1:2::/64` -> `2001:db8:1:2::1`.
 * Source: Hetzner documentation, "Primary IPs": an IPv6 primary IP is a /64, its `::1` is set on the server.
 */
export function firstIpv6(network: string): string {
  const [prefix = ""] = network.split("/");
  return prefix.endsWith("::") ? `${prefix}1` : prefix;
}

/**
 * Primary IPs as resources of their own. `autoDelete` is false, or the vendor would delete the address
 * with the server, unknown to Pulumi. Changes of the location are ignored, because an address can't
 * move: a server that is created again elsewhere needs new addresses, by hand.
 */
export function publicAddresses(
  name: string,
  args: PublicAddressesArgs,
  parent: pulumi.Resource,
): PublicAddresses {
  const primary = (type: "ipv4" | "ipv6") =>
    new hcloud.PrimaryIp(
      `${name}-${type}`,
      {
        name: `${name}-${type}`,
        type,
        location: args.location,
        autoDelete: false,
        deleteProtection: args.protect,
        labels: args.labels,
      },
      {
        parent,
        protect: args.protect,
        retainOnDelete: args.retainOnDelete ?? false,
        deleteBeforeReplace: true,
        ignoreChanges: ["location"],
      },
    );
  const v4 = args.withIpv4 ? primary("ipv4") : undefined;
  const v6 = primary("ipv6");
  const id6 = idNumber(v6.id);
  const ipv6 = v6.ipAddress.apply(firstIpv6);
  if (v4 === undefined) {
    return {
      ipv4: undefined,
      ipv6,
      publicNet: { ipv4Enabled: false, ipv6Enabled: true, ipv6: id6 },
      ids: { ipv6: id6 },
    };
  }
  const id4 = idNumber(v4.id);
  return {
    ipv4: v4.ipAddress,
    ipv6,
    publicNet: { ipv4Enabled: true, ipv4: id4, ipv6Enabled: true, ipv6: id6 },
    ids: { ipv4: id4, ipv6: id6 },
  };
}
