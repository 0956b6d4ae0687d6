import * as z from "zod";
import { camelKeys, label, sshPublicKey } from "./primitives.ts";

/** Rights of a role: on the hosts, in the directory of single sign-on, and in the control centre. */
export const role = z
  .strictObject({
    groups: z.array(label).default([]).describe("groups on the hosts"),
    directory_groups: z.array(label).default([]).describe("groups in the directory of single sign-on"),
    sudo: z
      .array(z.string().startsWith("/"))
      .default([])
      .describe("commands the role may run as root, with the account's password"),
    capabilities: z
      .array(
        z
          .string()
          .regex(/^(\*|[a-z][a-z0-9-]*(\.[a-z0-9-]+)*(\.\*)?)$/, 'use "*", "area.*" or "area.action"'),
      )
      .default([])
      .describe(
        "what the role may do in the control centre and through it on hosts (docs/control-centre.md has the list); `promotion.approve` lets its users sign approvals",
      ),
    operator_keys: z
      .array(sshPublicKey)
      .default([])
      .describe(
        "public keys with which a control centre acts on hosts for people of this role; each host allows them the verbs of the role's capabilities",
      ),
    restart_units: z
      .array(
        z
          .string()
          .regex(
            /^[A-Za-z0-9*][A-Za-z0-9@_.*-]{0,100}\.service$/,
            'use the name of a service such as "caddy.service"; `*` stands for any text',
          ),
      )
      .default([])
      .describe(
        "units that the role may restart with `service.restart`; `*` stands for any text. Units of systemd, SSH, D-Bus, Nix and PantherOS itself are never restarted",
      ),
  })
  .transform(camelKeys);

/** A person with an account. */
export const user = z
  .strictObject({
    description: z.string().optional().describe("full name"),
    role: label.describe("one of `[roles]`"),
    email: z.email().optional(),
    shell: z.enum(["bash", "fish", "zsh"]).default("bash").describe("login shell"),
    authorized_keys: z.array(sshPublicKey).default([]).describe("public keys that may log in"),
    password_secret: label
      .optional()
      .describe("secret with the hash of the password for sudo and the console"),
    containers: z.boolean().default(false).describe("runs rootless containers, also while logged out"),
    workspace: z
      .boolean()
      .default(false)
      .describe("has the workspace (`~` of a mount class) on development hosts"),
    hosts: z
      .union([z.literal("all"), z.array(label).min(1)])
      .default("all")
      .describe("hosts with the account"),
  })
  .transform(camelKeys);
