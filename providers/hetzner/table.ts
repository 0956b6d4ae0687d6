/** `provider = { kind = "hetzner", … }` of a host. */
import * as z from "zod";
import { camelKeys, label } from "../../inventory/primitives.ts";
import type { Problem } from "../../inventory/problems.ts";
import type { ProviderHost, ProviderTable } from "../../inventory/provider.ts";
import { reinstall } from "../../inventory/reinstall.ts";
import { ARCHITECTURES, type Architecture, systemFor } from "../../inventory/system.ts";

/**
 * A name in Hetzner Cloud's catalogue. The catalogue changes, so only a run looks the name up in it
 * (preflight.ts).
 */
const catalogueName = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/,
    "not a name in Hetzner Cloud's catalogue: lower-case letters, digits, dashes",
  );

const schema = z
  .strictObject({
    kind: z.literal("hetzner").describe("created at Hetzner Cloud"),
    location: catalogueName.describe("location of the server, such as `fsn1`"),
    server_type: catalogueName.describe(
      "such as `cx23`; a change powers the server off for the resize; the disk keeps its size",
    ),
    image: z
      .string()
      .default("debian-13")
      .describe("the operating system that the installation replaces; has effect at creation only"),
    backups: z.boolean().default(false).describe("Hetzner's daily backups"),
    placement_group: label
      .optional()
      .describe("servers of one group are on different physical machines; has effect at creation only"),
    labels: z
      .record(label, z.string().regex(/^[A-Za-z0-9_.-]{0,63}$/))
      .default({})
      .describe("labels in addition to those of the program"),
    reinstall,
  })
  .transform(camelKeys);

export type HetznerProvider = z.infer<typeof schema>;
type Host = ProviderHost<HetznerProvider>;

/** Servers in one placement group of type `spread`. Source: Hetzner Cloud documentation, "Placement Groups", limits. */
const MAX_GROUP_SERVERS = 10;

/**
 * The architecture of a server type: `cax` is Arm (Ampere); `cx`, `cpx` and `ccx` are x86.
 * Undefined for an unknown series, because a run checks the type in the vendor's catalogue.
 * Source: docs.hetzner.com, "Cloud Server types".
 */
function architectureOf(serverType: string): Architecture | undefined {
  const [, series] = /^([a-z]+)\d+$/.exec(serverType) ?? [];
  if (series === "cax") return "arm";
  return ["cx", "cpx", "ccx"].includes(series ?? "") ? "x86" : undefined;
}

function architectureProblems(hosts: readonly Host[]): Problem[] {
  return hosts.flatMap(({ name, system, provider: { serverType } }) => {
    const architecture = architectureOf(serverType);
    if (architecture === undefined || architecture === ARCHITECTURES[system]) return [];
    return [
      {
        key: `hosts.${name}.provider.server_type`,
        message:
          `"${serverType}" has ${architecture === "arm" ? "an ARM" : "an x86"} processor, and hosts.${name}.system is "${system}"; ` +
          `set system = "${systemFor(architecture)}", or choose a server type of the other architecture`,
      },
    ];
  });
}

/** Decommissioned hosts count: a retired server is still in its group. */
function groupProblems(hosts: readonly Host[]): Problem[] {
  const members = new Map<string, string[]>();
  for (const { name, environment, provider } of hosts) {
    if (provider.placementGroup === undefined) continue;
    const group = `${environment}/${provider.placementGroup}`;
    members.set(group, [...(members.get(group) ?? []), name]);
  }
  return [...members.values()].flatMap((names) =>
    names.slice(MAX_GROUP_SERVERS).map((name) => ({
      key: `hosts.${name}.provider.placement_group`,
      message: `the group has ${names.length} servers, and Hetzner Cloud allows ${MAX_GROUP_SERVERS}: put this one into another group`,
    })),
  );
}

export const table = {
  kind: "hetzner",
  schema,
  machines: "created",
  problems: (hosts) => [...architectureProblems(hosts), ...groupProblems(hosts)],
  shortForm: {
    form: "TYPE:LOCATION",
    example: "cx23:fsn1",
    keys: ["server_type", "location"],
    // The first disk of every server is a SCSI disk.
    storage: { layout: "btrfs-classes", disk: "/dev/sda" },
  },
} as const satisfies ProviderTable<HetznerProvider>;
