/**
 * Reads what the Pulumi CLI reports of a preview. Both sources are read through an allowlist: fields
 * that are not named here are dropped. The event log holds secrets in plain text, in its `debug`
 * diagnostics, so only its policy events are read.
 * Sources: pulumi/pulumi, pkg/display/json.go (PreviewDigest), sdk/go/common/apitype/events.go.
 */
import * as z from "zod";
import { withoutSecrets } from "./values.ts";

const properties = z.record(z.string(), z.unknown()).transform(withoutSecrets).optional();

const resourceState = z.object({
  type: z.string(),
  protect: z.boolean().optional(),
  inputs: properties,
  outputs: properties,
  propertyDependencies: z.record(z.string(), z.array(z.string()).nullable()).nullish(),
});
export type ResourceState = z.infer<typeof resourceState>;

const step = z.object({
  op: z.string(),
  urn: z.string(),
  oldState: resourceState.nullish(),
  newState: resourceState.nullish(),
  replaceReasons: z.array(z.string()).nullish(),
  /** Property path -> kind: `add`, `update-replace`, … `inputDiff`: the old value is an input. */
  detailedDiff: z
    .record(z.string(), z.object({ kind: z.string(), inputDiff: z.boolean().optional() }))
    .nullish(),
});
export type Step = z.infer<typeof step>;

const diagnostic = z.object({ message: z.string(), severity: z.string() });

const digest = z.object({
  steps: z.array(step).nullish(),
  diagnostics: z.array(diagnostic).nullish(),
});

export interface Digest {
  readonly steps: readonly Step[];
  /** `error`, `warning`, `info`, `info#err`. */
  readonly diagnostics: readonly z.infer<typeof diagnostic>[];
}

/** Reads the output of `pulumi preview --json`; undefined when the CLI ended before it printed one. */
export function readDigest(stdout: string): Digest | undefined {
  const start = stdout.indexOf("{");
  const end = stdout.lastIndexOf("}");
  if (start === -1 || end < start) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(stdout.slice(start, end + 1));
  } catch {
    return undefined;
  }
  const parsed = digest.safeParse(value);
  if (!parsed.success) return undefined;
  return { steps: parsed.data.steps ?? [], diagnostics: parsed.data.diagnostics ?? [] };
}

const policyEvent = z.object({
  policyEvent: z.object({
    policyName: z.string(),
    message: z.string(),
    enforcementLevel: z.string(),
    resourceUrn: z.string().optional(),
  }),
});
export type PolicyViolation = z.infer<typeof policyEvent>["policyEvent"];

/** The policy events of an event log, one JSON object a line. */
export function readPolicyEvents(log: string): PolicyViolation[] {
  return log.split("\n").flatMap((line) => {
    // Most lines are long and of no use: they are not parsed.
    if (!line.includes('"policyEvent"')) return [];
    try {
      const parsed = policyEvent.safeParse(JSON.parse(line));
      return parsed.success ? [parsed.data.policyEvent] : [];
    } catch {
      return [];
    }
  });
}
