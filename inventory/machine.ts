import * as z from "zod";
import { camelKeys, cidr, ipv4, port, SSH_PORT } from "./primitives.ts";

/** A kind of directory with its own mount options, and so with its own file system. */
export const mountClass = z.strictObject({
  mount: z
    .string()
    .regex(/^[/~]/, "not an absolute path")
    .describe("where it is mounted; `~` is the home of the account with the workspace"),
  options: z
    .array(z.string())
    .default([])
    .describe("mount options, which have effect because each class is a file system of its own"),
  size: z
    .string()
    .regex(/^\d+([MGT]|%VG|%FREE)$/, 'not a size such as "40G", "20%VG" or "100%FREE"')
    .optional()
    .describe('size of the volume, such as "40G", "20%VG" of the disk or "100%FREE"'),
  reason: z.string().optional().describe("why these options"),
});

const networkInterface = z.string().regex(/^[a-z][a-z0-9._-]{0,14}$/, "not the name of a network interface");

/** The networks of a router. */
export const router = z
  .strictObject({
    wan: networkInterface.describe("interface towards the internet"),
    lan: z
      .strictObject({
        interface: networkInterface.describe("interface of the local network"),
        address: ipv4.describe("the router's address there"),
        prefix_length: z.int().min(8).max(30).default(24),
        network: cidr.describe("the local network"),
      })
      .transform(camelKeys)
      .describe("the local network"),
    dhcp: z
      .strictObject({
        from: ipv4.describe("first address of the range"),
        to: ipv4.describe("last address of the range"),
      })
      .optional()
      .describe("DHCP for the local network; without it there is none"),
    down_mbit: z.int().positive().optional().describe("download rate of the line, for shaping"),
    up_mbit: z.int().positive().optional().describe("upload rate of the line, for shaping"),
  })
  .transform(camelKeys);

/** Ports that several modules use. */
export const ports = z.strictObject({
  ssh: port.default(SSH_PORT).describe("sshd of each host without a port of its own"),
  tailscale: port.default(41641).describe("UDP; Tailscale's own choice"),
});

const recovery = z
  .strictObject({
    within_minutes: z.int().positive().describe("time until everything is restored"),
    loss_hours: z.int().min(0).describe("hours of data that may be lost"),
  })
  .transform(camelKeys);

/** Limits that the fleet promises; benchmarks and alerts compare with them. */
export const budgets = z
  .strictObject({
    command_seconds: z.number().positive().optional().describe("a simple command of the control centre"),
    update_seconds: z.number().positive().optional().describe("an update, once its closure is on the host"),
    change_seconds: z
      .number()
      .positive()
      .optional()
      .describe("a change of configuration, once its closure is on the host"),
    hardware_scan_seconds: z.number().positive().optional().describe("a full scan of the hardware"),
    memory_mb: z.int().positive().optional().describe("memory of the permanent services"),
    cpu_percent: z.int().positive().optional().describe("processor time of the permanent services"),
    storage_mb: z.int().positive().optional().describe("disk space of the management itself"),
    recovery: z.record(z.string(), recovery).default({}).describe("one table per kind of loss"),
  })
  .transform(camelKeys);
