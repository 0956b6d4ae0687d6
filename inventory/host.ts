import * as z from "zod";
import { healthCheck } from "./health.ts";
import { mountClass, router } from "./machine.ts";
import {
  absoluteDirectory,
  camelKeys,
  cidr,
  domainName,
  ipAddress,
  label,
  nixPublicKey,
  port,
  SSH_PORT,
  sshPublicKey,
} from "./primitives.ts";
import { providerSettings } from "./providers.ts";
import { system } from "./system.ts";

/** A 1Password vault's name, which is part of a secret reference. */
export const vaultName = z.string().regex(/^[^/]+$/, "a vault's name, without slashes");

/** The key of a table `[environments.LABEL]`; checks.ts reports a name without such a table. */
export const environmentName = label;

/** A jump host outside of the inventory. */
const jumpHost = z
  .strictObject({
    address: z
      .union([ipAddress, domainName])
      .refine((text) => !text.includes("%"), "an address with a zone is valid on one machine only")
      .describe("its IP address or name"),
    port: port.default(SSH_PORT).describe("port of its sshd"),
    user: label.optional().describe("account that accepts the deploy key; without it `[deploy] user`"),
    host_key: sshPublicKey
      .optional()
      .describe("its public SSH host key; without it, a line of nix/known_hosts pins the key"),
  })
  .transform(camelKeys);

const ssh = z
  .strictObject({
    port: port
      .optional()
      .describe("port that its sshd listens on; without it `provider.ssh_port`, or else `[ports] ssh`"),
    former_port: port
      .optional()
      .describe(
        "port that its sshd still listens on, while `port` changes: it stays open and is tried second. Remove it after the deploy",
      ),
    jump: z
      .union([label, jumpHost])
      .optional()
      .describe(
        "jump host through which every connection goes, to the machine's own address: another host's name, or a machine outside of the inventory",
      ),
    sources: z
      .array(cidr)
      .default([])
      .describe(
        "networks that may reach its sshd, in addition to `[deploy] sources`: the address that the jump host has towards it",
      ),
  })
  .transform(camelKeys);

const storage = z
  .strictObject({
    layout: z
      .enum(["btrfs-classes", "luks-btrfs", "zfs", "sdcard", "none"])
      .describe("how the disk is laid out"),
    disk: z.string().startsWith("/dev/").optional().describe("disk that the installation formats"),
    classes: z
      .record(label, mountClass)
      .default({})
      .describe("mount classes that differ from the layout's defaults"),
  })
  .transform(camelKeys);

const resources = z
  .strictObject({
    cpus: z.int().positive().optional(),
    memory_gb: z.int().positive().optional(),
    disk_gb: z.int().positive().optional(),
    traffic_tb: z.int().positive().optional(),
  })
  .transform(camelKeys);

export const host = z
  .strictObject({
    description: z.string().optional(),
    environment: environmentName.describe("the stack that owns the host"),
    formerly: label
      .optional()
      .describe("former name of the host: resources of that name are renamed and kept. No effect afterwards"),
    decommission: z
      .enum(["keep", "delete"])
      .optional()
      .describe(
        "takes the host out of service: its names, tailnet device, keys, secrets and deploys are deleted. `keep`: a created server keeps its disk and addresses behind a closed firewall. `delete`: it also loses its protection, so removing the table deletes it",
      ),
    system: system.default("x86_64-linux").describe("platform of its system"),
    provider: providerSettings.describe("where the machine comes from"),
    profiles: z
      .array(z.enum(["server", "workstation", "devhost", "router"]))
      .min(1, "a host has at least one profile")
      .describe("NixOS profiles, beside the common one"),
    wave: z
      .int()
      .min(1)
      .max(99)
      .default(1)
      .describe("hosts of a wave are activated when all required hosts of earlier waves have converged"),
    reachability: z
      .enum(["always", "best-effort"])
      .default("always")
      .describe("best-effort: deployed when it answers, and never fails the run (laptops)"),
    reboot: z
      .enum(["allow", "never"])
      .default("never")
      .describe("whether a deploy that needs a reboot may reboot the host"),
    build: label
      .default("local")
      .describe(
        "where its system is built: `local` (the runner), `target` (the host itself) or another host's name; the first installation is always built on the runner",
      ),
    build_key: nixPublicKey
      .optional()
      .describe(
        "public half of the host's own signing key, as `tools/build-key HOST` prints it; only this host trusts its signatures. Required when neither the runner nor a trusted builder builds its system",
      ),
    storage: storage.prefault({ layout: "none" }).describe("disk layout"),
    ssh: ssh.prefault({}).describe("how its sshd is reached"),
    vault: vaultName
      .optional()
      .describe(
        "1Password vault that the host's service account reads; without it the vault of the environment, which all its hosts read",
      ),
    router: router.optional().describe("networks of a host with the profile router"),
    resources: resources.optional().describe("what the machine has, for reports and checks"),
    tags: z.array(label).default(["server"]).describe("tailnet tags, without the `tag:`"),
    backup: z
      .array(absoluteDirectory)
      .default([])
      .describe("directories to back up, in addition to those of its services"),
    aliases: z.array(label).default([]).describe("further names in the zone"),
    health: z.array(healthCheck).default([]).describe("checks that must pass before a new system is kept"),
    extra: z
      .record(z.string(), z.unknown())
      .optional()
      .describe("any keys, for the flake: its modules have them as `host.extra`, and the program reads none"),
  })
  .transform(camelKeys);

export type Host = z.infer<typeof host>;
export type JumpHost = z.infer<typeof jumpHost>;
