/**
 * Faults of the vendors on demand. The switch is a file of the sandbox's directory, `vendors/faults.json`, which nobody but its
 * owner can write: a list of rules, each `{"fault": …, "requests": …, "vendor": …, "match": …, "from": …, "times": …, "seconds": …}`. While it
 * is there, every request goes into `vendors/requests.jsonl`, and what a rule hits is marked there, so that a test can name it.
 * The count runs over all vendors, the 1Password command included, and begins again when requests.jsonl is removed.
 */
import { randomUUID } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";

const FAULTS = [
  /** Answered with a refusal, in the vendor's own form; nothing is changed. */
  "refuse",
  /** Answered with a 5xx, in the vendor's own form; nothing is changed. */
  "unavailable",
  /** The connection ends before anything is changed. */
  "drop",
  /** It is done, and the connection ends before the answer. */
  "drop-answer",
  /** 429 (S3: 503 SlowDown) with `Retry-After: seconds` and the vendor's own headers; nothing is changed. */
  "rate-limit",
  /** Served after `seconds`. */
  "slow",
  /** Accepted and never answered; nothing is changed. */
  "silent",
  /** Waits until the rule is taken away; then it is served, if the client is still there. */
  "hold",
  /** It is done, and the answer waits until the rule is taken away. */
  "hold-answer",
] as const;
export type Fault = (typeof FAULTS)[number];

const rule = z.strictObject({
  fault: z.enum(FAULTS),
  /** Which requests count: those that change something, or all. */
  requests: z.enum(["changes", "all"]).default("changes"),
  /** Only this vendor's; absent: all vendors' together. */
  vendor: z.string().optional(),
  /** Only requests with this in `METHOD path`. */
  match: z.string().optional(),
  /** The first one that is hit, from 1 on. */
  from: z.int().positive().default(1),
  /** How many are hit; 0: all from then on. */
  times: z.int().nonnegative().default(1),
  seconds: z.number().nonnegative().default(30),
});
type FaultRule = z.infer<typeof rule>;
export type FaultRuleInput = z.input<typeof rule>;

/** A request as the switch sees it. */
interface VendorRequest {
  readonly vendor: string;
  readonly method: string;
  /** Path with query. */
  readonly path: string;
  readonly changes: boolean;
}

/** A line of requests.jsonl: a request that came (`id`), or one that a rule hit. */
export type RequestLine =
  | (VendorRequest & { readonly id: string })
  | (VendorRequest & { readonly hit: Fault; readonly n: number });

export interface Hit {
  readonly rule: FaultRule;
  /** Says in the log that it has happened. */
  mark(): void;
  /** Whether the switch still stands as it did. */
  stands(): boolean;
}

export const faultFiles = (dir: string) => ({
  rules: join(dir, "vendors", "faults.json"),
  requests: join(dir, "vendors", "requests.jsonl"),
});

/** @throws Error naming the file when it holds something else than rules. */
function readRules(path: string): { readonly text: string; readonly rules: readonly FaultRule[] } {
  const text = existsSync(path) ? readFileSync(path, "utf8") : "[]";
  try {
    return { text, rules: z.array(rule).parse(JSON.parse(text)) };
  } catch (error) {
    throw new Error(`${path}: ${error instanceof z.ZodError ? z.prettifyError(error) : String(error)}`);
  }
}

export function readRequests(path: string): RequestLine[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as RequestLine);
}

const counts = ({ vendor, match = "", requests }: FaultRule, request: VendorRequest): boolean =>
  (vendor === undefined || vendor === request.vendor) &&
  `${request.method} ${request.path}`.includes(match) &&
  (requests === "all" || request.changes);

/** What happens to a request; undefined: it is served as ever. */
export function faultFor(dir: string, request: VendorRequest): Hit | undefined {
  const files = faultFiles(dir);
  if (!existsSync(files.rules)) return undefined;
  const { text, rules } = readRules(files.rules);
  const id = randomUUID();
  mkdirSync(dirname(files.requests), { recursive: true, mode: 0o700 });
  const note = (line: RequestLine) =>
    appendFileSync(files.requests, `${JSON.stringify(line)}\n`, { mode: 0o600 });
  // A line is appended whole, so every process finds the same order.
  note({ id, ...request });
  const lines = readRequests(files.requests);
  const came = lines.slice(0, lines.findIndex((line) => "id" in line && line.id === id) + 1);
  for (const each of rules) {
    if (!counts(each, request)) continue;
    const n = came.filter((line) => "id" in line && counts(each, line)).length;
    if (n < each.from || (each.times > 0 && n >= each.from + each.times)) continue;
    return {
      rule: each,
      mark: () => note({ hit: each.fault, n, ...request }),
      stands: () => existsSync(files.rules) && readRules(files.rules).text === text,
    };
  }
  return undefined;
}
