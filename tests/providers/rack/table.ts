/** `provider = { kind = "rack", … }` of a host. */
import * as z from "zod";
import { camelKeys, ipAddress } from "../../../inventory/primitives.ts";
import { collisions } from "../../../inventory/problems.ts";
import type { ProviderTable } from "../../../inventory/provider.ts";
import { reinstall } from "../../../inventory/reinstall.ts";

const schema = z
  .strictObject({
    kind: z.literal("rack").describe("created in a slot of the rack"),
    slot: z.int().min(1).max(40).describe("slot of the machine; each holds one"),
    address: ipAddress.describe("address of the slot"),
    reinstall,
  })
  .transform(camelKeys);

export type RackSettings = z.infer<typeof schema>;

export const table = {
  kind: "rack",
  schema,
  machines: "created",
  problems: (hosts) =>
    collisions(hosts, ({ provider }) => String(provider.slot)).map(([first, second]) => ({
      key: `hosts.${second.name}.provider.slot`,
      message: `slot ${second.provider.slot} is that of hosts.${first.name}: choose another`,
    })),
} as const satisfies ProviderTable<RackSettings>;
