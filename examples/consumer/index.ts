import { readStack, type StackOutputs } from "@pantheros/outputs";
import * as cloudflare from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const host = config.require("host");
const label = config.get("label") ?? "shop";
const fleet = readStack(config.require("fleet"));

/** A missing field is unknown or does not exist, so the error names it. */
function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new pulumi.RunError(`the fleet's outputs have no ${name}`);
  return value;
}

const addressOf = ({ hosts }: StackOutputs) =>
  required(hosts[host]?.addresses.ipv4, `hosts.${host}.addresses.ipv4`);
const zone = fleet.apply(({ dns }) => required(dns.zone, "dns.zone"));

const record = new cloudflare.DnsRecord("address", {
  zoneId: cloudflare
    .getZoneOutput({ filter: { name: zone } })
    .apply((found) => required(found.zoneId, "zone")),
  name: pulumi.interpolate`${label}.${zone}`,
  type: "A",
  ttl: 300,
  content: fleet.apply(addressOf),
});

export const url = pulumi.interpolate`https://${record.name}`;
/** Whether the host runs the system that it should; the record does not depend on it. */
export const healthy = fleet.apply(({ hosts }) => hosts[host]?.outcome === "confirmed");
