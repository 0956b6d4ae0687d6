/** Makes the document of one preview from what the engine and the program report. */
import { errorText } from "../lib/error-text.ts";
import { oneLine, printable } from "../lib/sanitize.ts";
import { changesOf, type HostOperations, hiddenValues, hostOperations } from "./changes.ts";
import {
  type Change,
  type Finding,
  MAX_TEXT,
  PREVIEW_VERSION,
  type PreviewDocument,
  type PreviewHost,
  type ProgramPart,
} from "./document.ts";
import type { Digest, PolicyViolation } from "./engine.ts";
import { cut, SECRET } from "./values.ts";

export interface ReduceArgs {
  readonly stack: string;
  readonly commit?: string | undefined;
  readonly dirty?: boolean | undefined;
  /** Undefined: the CLI ended before it printed one. */
  readonly digest: Digest | undefined;
  readonly violations?: readonly PolicyViolation[];
  readonly program: ProgramPart;
  readonly exitCode: number;
  /** What the CLI printed as errors. */
  readonly stderr: string;
  /** Secrets of this process's environment: they are removed from every text. */
  readonly secrets: readonly string[];
}

/** Variables whose values are secrets. */
const SECRET_VARIABLE = /TOKEN|SECRET|PASSWORD|PASSPHRASE|API_?KEY|ACCESS_?KEY|CREDENTIAL|PRIVATE/i;
/** Variables with such a name that hold a path, a name or an address. */
const NO_SECRET = /_(FILE|PATH|URL|ID|KEY_ID|NAME)$/;
/** Shorter values are no secrets, and would remove common words. */
const MIN_SECRET = 8;

/** The secrets of an environment, each line of those with several too. */
export function secretsOf(env: NodeJS.ProcessEnv): string[] {
  const values = Object.entries(env)
    .filter(([name]) => SECRET_VARIABLE.test(name) && !NO_SECRET.test(name))
    .flatMap(([, value = ""]) => [value, ...value.split("\n")]);
  return [...new Set(values)].filter((text) => text.length >= MIN_SECRET && !text.startsWith("/"));
}

/** Replaces these values in every text. Longer ones first, because one may contain another. */
export function redacted<T>(value: T, secrets: readonly string[]): T {
  const ordered = [...new Set(secrets)].sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
  if (ordered.length === 0) return value;
  const replace = (part: unknown): unknown => {
    if (typeof part === "string")
      return ordered.reduce((text, secret) => text.replaceAll(secret, SECRET), part);
    if (Array.isArray(part)) return part.map(replace);
    if (part === null || typeof part !== "object") return part;
    return Object.fromEntries(Object.entries(part).map(([key, inner]) => [key, replace(inner)]));
  };
  return replace(value) as T;
}

const unique = (texts: readonly string[]): string[] => [...new Set(texts)].sort();

/** Diagnostics of a severity, each once, in a fixed order: the engine's order differs between runs. */
function messages(digest: Digest | undefined, severity: "error" | "warning"): string[] {
  const found = (digest?.diagnostics ?? [])
    .filter((each) => each.severity === severity)
    .map(({ message }) => printable(errorText(message.replace(/^(error|warning): /, ""))).trim())
    .filter((text) => text !== "");
  return unique(found).map((text) => cut(text, MAX_TEXT));
}

/** Errors of the CLI itself, such as a wrong passphrase; used when no diagnostic gives the reason. */
function commandErrors(stderr: string): string[] {
  const text = printable(stderr).trim().split("\n").slice(-20).join("\n");
  return text === "" ? ["pulumi preview ended without a message"] : [cut(text, MAX_TEXT)];
}

const LEVELS: Readonly<Record<string, Finding["level"]>> = { mandatory: "mandatory", remediate: "mandatory" };

/** Violations of the policy pack, without those that a plan check has found too. */
function packFindings(violations: readonly PolicyViolation[], known: readonly Finding[]): Finding[] {
  const rules = new Set(known.map(({ rule }) => rule));
  return violations
    .filter(({ policyName, enforcementLevel }) => !rules.has(policyName) && enforcementLevel !== "disabled")
    .map(({ policyName, enforcementLevel, message, resourceUrn }) => ({
      rule: policyName,
      level: LEVELS[enforcementLevel] ?? "advisory",
      key: resourceUrn?.split("::").at(-1) ?? "",
      message: oneLine(message, 1000),
    }));
}

const findingText = ({ level, rule, key, message }: Finding): string =>
  [["mandatory", "advisory", "excepted"].indexOf(level), rule, key, message].join("\u0000");

/** Adds what only the engine can tell: that a machine is new, or that a host without an explanation changes. */
function hostsOf(program: ProgramPart, operations: ReturnType<typeof hostOperations>): PreviewHost[] {
  return Object.values(program.hosts ?? {})
    .map((host) => withOperations(host, operations.get(host.host) ?? {}))
    .sort((a, b) => a.wave - b.wave || (a.host < b.host ? -1 : 1));
}

function withOperations(host: PreviewHost, { deploy, install }: HostOperations): PreviewHost {
  if (host.action === "not-probed" && (install === "create" || install === "replace"))
    return { ...host, action: "install" };
  if (host.action === "not-probed" && deploy !== undefined) return { ...host, action: "deploy" };
  // An adopted machine before its first deploy has no confirmed system from which it could differ.
  if (deploy === "create" && host.drift) {
    const { drift: _drift, ...first } = host;
    return { ...first, reason: "its first deploy from this stack" };
  }
  return host;
}

function countsOf(changes: readonly Change[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { op } of changes) counts[op] = (counts[op] ?? 0) + 1;
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The document of a preview. It is the same for the same plan, state and answers of the hosts. */
export function reducePreview(args: ReduceArgs): PreviewDocument {
  const { digest, program, exitCode, commit, dirty } = args;
  const steps = digest?.steps ?? [];
  const changes = changesOf(steps);
  const failed = exitCode !== 0;
  const errors = messages(digest, "error");
  const known = program.findings ?? [];
  const findings = [...known, ...packFindings(args.violations ?? [], known)].sort((a, b) =>
    findingText(a) < findingText(b) ? -1 : 1,
  );
  const document: PreviewDocument = {
    schemaVersion: PREVIEW_VERSION,
    stack: args.stack,
    ...(commit !== undefined && { commit }),
    ...(dirty !== undefined && { dirty }),
    outcome: failed ? "failed" : "succeeded",
    counts: countsOf(changes),
    changes,
    hosts: hostsOf(program, hostOperations(steps)),
    outputs: program.outputs ?? [],
    findings,
    ...(program.promotion !== undefined && { promotion: program.promotion }),
    ...(program.cost !== undefined && { cost: program.cost }),
    errors: failed && errors.length === 0 ? commandErrors(args.stderr) : errors,
    warnings: messages(digest, "warning"),
  };
  return redacted(document, [...args.secrets, ...hiddenValues(steps)]);
}
