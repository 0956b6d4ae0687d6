/** `provider = { kind = "existing", … }` of a host: a machine that the program adopts. */
import * as z from "zod";
import {
  addressWithPrefix,
  camelKeys,
  ipAddress,
  label,
  port,
  sshPublicKey,
} from "../../inventory/primitives.ts";
import type { ProviderTable } from "../../inventory/provider.ts";

const schema = z
  .strictObject({
    kind: z.literal("existing").describe("adopted by its address; the program creates nothing for it"),
    vendor: label.describe("its vendor or place: ovh, contabo, home, …"),
    address: ipAddress
      .optional()
      .describe(
        "public or LAN address for the first connection and for recovery; without it only the tailnet's name is used",
      ),
    ipv6: ipAddress.optional().describe("IPv6 address, for its AAAA record"),
    network: z
      .strictObject({
        interface: z
          .string()
          .regex(/^[a-z][a-z0-9._-]{0,14}$/, "not the name of a network interface")
          .optional()
          .describe("interface towards the internet; without it every wired interface"),
        addresses: z
          .array(addressWithPrefix)
          .min(1)
          .describe("addresses that DHCP does not assign, with their prefix: `198.51.100.22/24`"),
        gateways: z.array(ipAddress).default([]).describe("one gateway per family of these addresses"),
        nameservers: z.array(ipAddress).default([]).describe("required where no address comes from DHCP"),
      })
      .optional()
      .describe("static addresses; an IPv4 address replaces that of DHCP"),
    ssh_port: port
      .optional()
      .describe(
        "port of sshd at `address`; its sshd listens on it too, unless `[hosts.NAME.ssh] port` differs because a router forwards the port",
      ),
    host_key: sshPublicKey
      .optional()
      .describe(
        "its public SSH host key, from its console; without it, a line of nix/known_hosts pins the key",
      ),
  })
  .transform(camelKeys);

export type ExistingProvider = z.infer<typeof schema>;

export const table = {
  kind: "existing",
  schema,
  machines: "adopted",
} as const satisfies ProviderTable<ExistingProvider>;
