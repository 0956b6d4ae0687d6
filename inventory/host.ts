import * as z from "zod";
import { camelKeys, ipAddress, label, port } from "./primitives.ts";

export const environmentName = z.enum(["production", "staging", "homelab", "sandbox"]);

/** Hetzner Cloud's locations. Source: GET /v1/locations of the Hetzner Cloud API. */
const hetznerLocation = z.enum(["fsn1", "nbg1", "hel1", "ash", "hil", "sin"]);

const hetznerProvider = z
  .strictObject({
    kind: z.literal("hetzner").describe("created at Hetzner Cloud"),
    location: hetznerLocation.describe("where the server stands"),
    server_type: z
      .string()
      .regex(/^(cx|cpx|cax|ccx)\d{2}$/, 'not a server type such as "cx23" or "cax21"')
      .describe("changing it powers the server off for the resize"),
    image: z
      .string()
      .default("debian-13")
      .describe(
        "the disposable operating system that the installation replaces; a later change does nothing",
      ),
    backups: z.boolean().default(false).describe("Hetzner's daily backups"),
    placement_group: label
      .optional()
      .describe("servers of one group stand on different machines; acts when the server is made"),
    labels: z
      .record(label, z.string().regex(/^[A-Za-z0-9_.-]{0,63}$/))
      .default({})
      .describe("labels beside those of the program"),
    reinstall: z
      .string()
      .optional()
      .describe("machine id of the machine that may be wiped and installed again"),
  })
  .transform(camelKeys);

const existingProvider = z
  .strictObject({
    kind: z.literal("existing").describe("adopted by its address; nothing is created for it"),
    vendor: label.describe("where it stands: ovh, contabo, home, …"),
    address: ipAddress
      .optional()
      .describe(
        "public or LAN address for the first contact and for recovery; without one only the tailnet's name is tried",
      ),
    ipv6: ipAddress.optional().describe("second address, for its AAAA record"),
    ssh_port: port.default(22).describe("where its sshd listens"),
  })
  .transform(camelKeys);

const imageProvider = z.strictObject({
  kind: z
    .literal("image")
    .describe("built from the flake, never deployed: a virtual machine, an installation ISO"),
});

const timeout = (seconds: number) =>
  z.int().positive().max(60).default(seconds).describe("seconds one attempt may take");

const checkName = label.describe("what reports call the check");

export const healthCheck = z
  .discriminatedUnion("kind", [
    z.strictObject({
      name: checkName,
      kind: z.literal("http"),
      url: z.url({ protocol: /^https?$/ }).describe("asked from the host itself"),
      status: z.int().min(100).max(599).default(200).describe("status that the answer must have"),
      body: z.string().optional().describe("text that the answer must contain"),
      timeout_seconds: timeout(5),
    }),
    z.strictObject({
      name: checkName,
      kind: z.literal("tcp"),
      address: z
        .string()
        .regex(/^[^\s:]+:\d{1,5}$/, 'use "host:port"')
        .describe("host:port that must accept a connection, seen from the host"),
      timeout_seconds: timeout(5),
    }),
    z.strictObject({
      name: checkName,
      kind: z.literal("unit"),
      unit: z
        .string()
        .regex(/^[A-Za-z0-9@_.\\:-]+\.(service|socket|target|timer|mount|path)$/, "not a systemd unit name")
        .describe("systemd unit that must be active"),
      timeout_seconds: timeout(5),
    }),
    z.strictObject({
      name: checkName,
      kind: z.literal("command"),
      command: z
        .string()
        .min(1)
        .regex(/^[^\t\n]+$/, "one line, without tabs")
        .describe("shell command that must exit 0, run as root on the host"),
      timeout_seconds: timeout(10),
    }),
  ])
  .transform(camelKeys);

const mountClass = z.strictObject({
  mount: z.string().startsWith("/").describe("where it is mounted"),
  options: z
    .array(z.string())
    .default([])
    .describe("mount options; each class is a file system of its own, so they act"),
  size: z.string().optional().describe('size of the volume, such as "40G" or "100%FREE"'),
});

const storage = z
  .strictObject({
    layout: z
      .enum(["btrfs-classes", "luks-btrfs", "zfs", "sdcard", "none"])
      .describe("how the disk is laid out"),
    disk: z.string().startsWith("/dev/").optional().describe("disk that the installation formats"),
    classes: z
      .record(label, mountClass)
      .default({})
      .describe("mount classes that differ from the layout's own"),
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
    system: z
      .enum(["x86_64-linux", "aarch64-linux"])
      .default("x86_64-linux")
      .describe("what it is built for"),
    provider: z
      .discriminatedUnion("kind", [hetznerProvider, existingProvider, imageProvider])
      .describe("where the machine comes from"),
    profiles: z
      .array(z.enum(["server", "workstation", "devhost", "router"]))
      .min(1, "a host has at least one profile")
      .describe("NixOS profiles, beside the common one"),
    wave: z
      .int()
      .min(1)
      .max(99)
      .default(1)
      .describe("hosts of a wave are activated when all earlier waves are well"),
    reachability: z
      .enum(["always", "best-effort"])
      .default("always")
      .describe("best-effort: deployed when it answers, never a reason for the run to fail (laptops)"),
    reboot: z
      .enum(["allow", "never"])
      .default("never")
      .describe("whether a deploy that needs a reboot may reboot the host"),
    storage: storage.default({ layout: "none", classes: {} }).describe("disk layout"),
    resources: resources.optional().describe("what the machine has, for reports and checks"),
    tags: z.array(label).default(["server"]).describe("tailnet tags, without the `tag:`"),
    aliases: z.array(label).default([]).describe("further names in the zone"),
    health: z.array(healthCheck).default([]).describe("what must hold before a new system is kept"),
    sandbox: z
      .record(z.string(), z.unknown())
      .optional()
      .describe("read by the sandbox's flake only: faults to rehearse, padding for measurements"),
  })
  .transform(camelKeys);

export type EnvironmentName = z.infer<typeof environmentName>;
export type Host = z.infer<typeof host>;
export type HetznerProvider = Extract<Host["provider"], { kind: "hetzner" }>;
export type ExistingProvider = Extract<Host["provider"], { kind: "existing" }>;
export type HealthCheck = z.infer<typeof healthCheck>;
