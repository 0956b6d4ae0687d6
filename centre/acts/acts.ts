/** What can be done through the control centre, and to what. */
import * as z from "zod";
import type { Capability } from "../../inventory/capabilities.ts";
import { oneLine } from "../../lib/sanitize.ts";

interface Meaning {
  /** For headings and buttons. */
  readonly title: string;
  readonly needs: readonly ("host" | "wave" | "unit")[];
  /** Asked for a confirmation; other acts begin at once. */
  readonly isDestructive: boolean;
}

/** Each act needs the capability of its name. */
export const ACTS = {
  "rollback.host": { title: "Roll back and pin", needs: ["host"], isDestructive: true },
  "rollback.wave": { title: "Roll back and pin the wave", needs: ["wave"], isDestructive: true },
  "rollback.release": { title: "Release the pin", needs: ["host"], isDestructive: false },
  "deploy.confirm": { title: "Confirm", needs: ["host"], isDestructive: false },
  "service.restart": { title: "Restart", needs: ["host", "unit"], isDestructive: false },
  "run.preview": { title: "Start a preview", needs: [], isDestructive: false },
  "run.up": { title: "Start an up", needs: [], isDestructive: true },
} as const satisfies Readonly<Partial<Record<Capability, Meaning>>>;

export type ActName = keyof typeof ACTS;
export const ACT_NAMES = Object.keys(ACTS) as readonly ActName[];

export const meaningOf = (act: ActName): Meaning => ACTS[act];

const MAX_REASON = 500;

/** As in systemd.unit(5), without what a shell or a pattern could read. */
const unit = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9@:_.-]{0,254}$/, "not the name of a unit");

/** A form or a body of the API. */
export const actRequest = z
  .strictObject({
    act: z.enum(ACT_NAMES),
    host: z.string().min(1).max(63).optional(),
    wave: z.coerce.number().int().min(0).max(1_000_000).optional(),
    unit: unit.optional(),
    reason: z
      .string()
      .max(MAX_REASON, `a reason has at most ${MAX_REASON} characters`)
      .transform((text) => oneLine(text, MAX_REASON))
      .pipe(z.string().min(1, "a reason is required: it is what the audit log says")),
  })
  .superRefine(({ act, ...given }, context) => {
    for (const key of ["host", "wave", "unit"] as const) {
      const isNeeded = meaningOf(act).needs.includes(key);
      if (isNeeded === (given[key] !== undefined)) continue;
      const message = isNeeded ? `${act} needs a ${key}` : `${act} takes no ${key}`;
      context.addIssue({ code: "custom", path: [key], message });
    }
  });
export type ActRequest = z.infer<typeof actRequest>;

/** What an act is for, in words. */
export function objectOf({ host, wave, unit }: Pick<ActRequest, "host" | "wave" | "unit">): string {
  if (unit !== undefined) return `${unit} on host ${host}`;
  if (host !== undefined) return `host ${host}`;
  return wave === undefined ? "the stack" : `wave ${wave}`;
}
