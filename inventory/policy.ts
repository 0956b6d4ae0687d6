/** The table `[policy]`: levels of the rules in policy/, what they allow, and exceptions. */
import * as z from "zod";
import { camelKeys, cidr, label } from "./primitives.ts";

/** How a finding counts: it stops the run, it is printed, or the rule is not checked. */
const LEVELS = ["mandatory", "advisory", "disabled"] as const;

const level = z.enum(LEVELS).default("mandatory");
/** For rules that the program relies on elsewhere. */
const fixed = z.literal("mandatory").default("mandatory");

const levels = z.strictObject({
  "ssh-not-public": level.describe("level of the rule"),
  "protected-data": level.describe("level of the rule"),
  "private-buckets": level.describe("level of the rule"),
  "proxied-names": level.describe("level of the rule"),
  "narrow-grants": level.describe("level of the rule"),
  "labels-and-tags": level.describe("level of the rule"),
  "separate-secrets": level.describe("level of the rule"),
  "pinned-host-keys": fixed.describe(
    "level of the rule, which can't be lowered: host keys are always checked",
  ),
  "reasons-for-no-auth": level.describe("level of the rule"),
  "cost-ceiling": level.describe("level of the rule"),
});

export type RuleName = keyof z.infer<typeof levels>;
export const RULE_NAMES = Object.keys(levels.shape) as readonly RuleName[];

/** Rules without exceptions. */
export const WITHOUT_EXCEPTIONS: readonly RuleName[] = ["pinned-host-keys"];

/** Whether a text is a day of the calendar, such as `2026-02-28`. */
function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

const words = z.string().refine((text) => text.trim() !== "", "write a text");

const exception = z
  .strictObject({
    rule: z.string().describe("the rule that the finding names"),
    key: z.string().min(1).describe("the key that the finding names, such as `hosts.web.ssh.sources`"),
    who: words.describe("who allows it"),
    why: words.describe("why it is allowed"),
    until: z
      .string()
      .refine(isDay, 'not a day such as "2026-12-31"')
      .describe("last day on which it counts, in UTC; afterwards the finding counts again"),
  })
  .transform(camelKeys);

export const policy = z
  .strictObject({
    levels: levels
      .prefault({})
      .describe(
        "`mandatory` stops the run before anything is created, `advisory` prints a warning, `disabled` turns the rule off",
      ),
    production: z
      .array(label)
      .default(["production"])
      .describe("environments whose data must be protected and whose secrets are theirs alone"),
    ssh_sources: z
      .array(cidr)
      .optional()
      .describe(
        "networks that may reach sshd after the installation; without it all of at most 256 IPv4 addresses or an IPv6 /48",
      ),
    public_purposes: z
      .array(label)
      .default(["cache"])
      .describe("purposes of buckets that may have `public_read`"),
    proxied_names: z
      .union([z.literal("all"), z.array(z.string().min(1))])
      .default("all")
      .describe("names in the zone that Cloudflare may proxy, which reads their traffic: `@`, `grafana`"),
    required_labels: z
      .array(label)
      .default([])
      .describe("labels that every created server has in `provider.labels`, such as `owner`"),
    shared_secrets: z
      .array(label)
      .default([])
      .describe("secrets that hosts of production and of other environments may share"),
    monthly_eur_max: z.number().positive().optional().describe("most euros that a stack may cost in a month"),
    exceptions: z
      .record(label, exception)
      .default({})
      .describe("one table per exception: a finding that is allowed for a time"),
  })
  .transform(camelKeys);

export type PolicySettings = z.infer<typeof policy>;
export type PolicyException = z.infer<typeof exception>;
