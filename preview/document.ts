/**
 * `preview.json`: what a preview of one stack says, as data. It has no times, no random values and
 * no secret, so two previews of one commit are equal, and it may be kept and shown. Within one
 * `schemaVersion` fields are only added.
 */
import * as z from "zod";

export const PREVIEW_VERSION = 1;

/** Longer texts are cut when the document is written, so a reader refuses them. */
export const MAX_TEXT = 4000;
/** Longer values of fields are cut. */
export const MAX_VALUE = 300;

const text = z.string().max(MAX_TEXT);
const names = z.array(text).max(10_000);
const count = z.int().nonnegative();

/** A finding of a policy: policy/. `key` is the key of the inventory to change. */
const finding = z.object({
  rule: text,
  level: z
    .enum(["mandatory", "advisory", "excepted"])
    .describe("excepted: an exception of the inventory allows it"),
  key: text,
  message: text,
  remedy: text.optional(),
});
export type Finding = z.infer<typeof finding>;

/** Whether this stack may deploy what another stack has confirmed. */
const promotion = z.object({
  from: text.describe("the stack that must have confirmed the tree"),
  allowed: z.boolean(),
  /** Why it is allowed although that stack has not confirmed the tree. */
  reason: text.optional(),
});
export type Promotion = z.infer<typeof promotion>;

/** Net prices of a month. `before` is the sum of the servers and addresses that exist now. */
const cost = z.object({
  currency: text,
  monthly: z.number().nonnegative(),
  before: z.number().nonnegative().optional(),
  /** What the vendor's price list lacks, such as `hosts.web: cx99 in fsn1`. */
  unpriced: names.optional(),
});
export type PreviewCost = z.infer<typeof cost>;

const closure = z.object({
  before: z.number(),
  after: z.number(),
  /** Bytes of the paths that the running system lacks. */
  fresh: z.number(),
  freshPaths: count,
  changed: names,
  added: names,
  removed: names,
  rebuilt: names,
});

const units = z.object({ changed: names, added: names, removed: names });

/**
 * What the next `up` does with a host.
 * - `nothing`: it runs and boots the wanted system
 * - `deploy`: switches to the wanted system
 * - `reboot`: switches, and reboots it
 * - `stage`: the wanted system boots at the next reboot, which `up` may not make
 * - `when-online`: it did not answer; the next `up` that reaches it deploys
 * - `unreachable`: it did not answer although it is required
 * - `install`: its machine is new
 * - `not-evaluated`: Nix can't evaluate it, so it is not touched
 * - `not-probed`, `not-selected`: this preview does not tell
 */
const HOST_ACTIONS = [
  "nothing",
  "deploy",
  "reboot",
  "stage",
  "when-online",
  "unreachable",
  "install",
  "not-evaluated",
  "not-probed",
  "not-selected",
] as const;

const host = z.object({
  host: text,
  wave: count,
  required: z.boolean(),
  action: z.enum(HOST_ACTIONS),
  reason: text.optional(),
  /** What runs, boots or is the profile is not what was confirmed. */
  drift: z.boolean().optional(),
  pinned: z.boolean().optional(),
  runs: text.optional(),
  wanted: text.optional(),
  /** Whether the wanted system is in a store that can be read. */
  built: z.boolean().optional(),
  rebootReasons: names.optional(),
  closure: closure.optional(),
  units: units.optional(),
  failedUnits: names.optional(),
  hint: text.optional(),
});
export type PreviewHost = z.infer<typeof host>;

/** A field of a resource. A secret value is `[secret]` on both sides. */
const field = z.object({
  path: text,
  kind: z.enum(["add", "update", "delete"]),
  before: text.optional(),
  after: text.optional(),
  /** The change needs a new object. */
  replaces: z.boolean().optional(),
  /** The new value is known when this resource was made; `?`: it is not reported which. */
  knownAfter: text.optional(),
});
export type ChangedField = z.infer<typeof field>;

/** What the program adds to what the engine reports (components/preview-part.ts). */
export const programPart = z.object({
  hosts: z.record(z.string(), host).optional(),
  outputs: z.array(field).optional(),
  findings: z.array(finding).optional(),
  promotion: promotion.optional(),
  cost: cost.optional(),
});
export type ProgramPart = z.infer<typeof programPart>;

export const OPERATIONS = ["create", "update", "replace", "delete", "read", "import", "forget"] as const;

const change = z.object({
  op: z.enum(OPERATIONS),
  type: text,
  name: text,
  /** The resource is protected: deleting or replacing it is refused. */
  protected: z.boolean().optional(),
  fields: z.array(field).optional(),
});
export type Change = z.infer<typeof change>;

export const previewDocument = z.object({
  schemaVersion: z.literal(PREVIEW_VERSION),
  stack: text,
  /** Commit of the checkout; absent outside of Git. */
  commit: text.optional(),
  dirty: z.boolean().optional(),
  outcome: z.enum(["succeeded", "failed"]),
  /** Operation -> resources, without those of the program's own commands. */
  counts: z.record(z.string(), count),
  changes: z.array(change),
  hosts: z.array(host),
  /** Changed fields of the stack's outputs. */
  outputs: z.array(field),
  findings: z.array(finding),
  promotion: promotion.optional(),
  cost: cost.optional(),
  errors: names,
  warnings: names,
});
export type PreviewDocument = z.infer<typeof previewDocument>;
