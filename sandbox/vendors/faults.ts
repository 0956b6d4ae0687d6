/**
 * Injected faults. `vendors/faults.json` in the sandbox's directory, which only its owner can write, is a
 * list of rules, each `{"fault": …, "requests": …, "vendor": …, "match": …, "from": …, "times": …,
 * "seconds": …}`. While the file exists, `vendors/requests.jsonl` gets a line for every request, and one for
 * every fault. Requests are counted over all vendors, the 1Password command included; the count starts again
 * when requests.jsonl is removed.
 */
import { randomUUID } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as z from "zod";

const FAULTS = [
  /** Answered with a refusal, in the vendor's own form; nothing changes. */
  "refuse",
  /** Answered with a 5xx, in the vendor's own form; nothing changes. */
  "unavailable",
  /** The connection is closed before anything changes. */
  "drop",
  /** The request is served, and the connection is closed before the answer. */
  "drop-answer",
  /** The request is served, and the connection is closed in the middle of the answer's body. */
  "cut-answer",
  /** 200 with an empty body; nothing changes. */
  "empty",
  /** 200 with the HTML page of a proxy or a captive portal; nothing changes. */
  "login-page",
  /** 302 to such a page; nothing changes. */
  "redirect",
  /** 429 (S3: 503 SlowDown) with `Retry-After: seconds` and the vendor's headers; nothing changes. */
  "rate-limit",
  /** Served after `seconds`. */
  "slow",
  /** Accepted and never answered; nothing changes. */
  "silent",
  /** Waits until the rule is removed, and is then served if the client is still connected. */
  "hold",
  /** The request is served, and the answer waits until the rule is removed. */
  "hold-answer",
] as const;
export type Fault = (typeof FAULTS)[number];

const rule = z.strictObject({
  fault: z.enum(FAULTS),
  /** The requests that count: those that change something, or all. */
  requests: z.enum(["changes", "all"]).default("changes"),
  /** Only requests to this vendor; absent: to any. */
  vendor: z.string().optional(),
  /** Only requests whose `METHOD path` contains this. */
  match: z.string().optional(),
  /** Number of the first request that gets the fault, from 1 on. */
  from: z.int().positive().default(1),
  /** Number of requests that get the fault; 0: all from then on. */
  times: z.int().nonnegative().default(1),
  seconds: z.number().nonnegative().default(30),
});
type FaultRule = z.infer<typeof rule>;
export type FaultRuleInput = z.input<typeof rule>;

/** A request to a vendor. */
interface VendorRequest {
  readonly vendor: string;
  readonly method: string;
  /** Path with query. */
  readonly path: string;
  readonly changes: boolean;
}

/** A line of requests.jsonl: a request (`id`), or a fault (`hit`) in the n-th request that counts. */
export type RequestLine =
  | (VendorRequest & { readonly id: string })
  | (VendorRequest & { readonly hit: Fault; readonly n: number });

export interface Hit {
  readonly rule: FaultRule;
  /** Writes the fault to requests.jsonl. */
  log(): void;
  /** Whether the rules are still the same. */
  isActive(): boolean;
}

export const faultFiles = (dir: string) => ({
  rules: join(dir, "vendors", "faults.json"),
  requests: join(dir, "vendors", "requests.jsonl"),
});

/** @throws Error with the file's name when its content is not a list of rules. */
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

/** The fault for a request; undefined: none. */
export function faultFor(dir: string, request: VendorRequest): Hit | undefined {
  const files = faultFiles(dir);
  if (!existsSync(files.rules)) return undefined;
  const { text, rules } = readRules(files.rules);
  const id = randomUUID();
  mkdirSync(dirname(files.requests), { recursive: true, mode: 0o700 });
  const append = (line: RequestLine) =>
    appendFileSync(files.requests, `${JSON.stringify(line)}\n`, { mode: 0o600 });
  // Appending a line is atomic, so every process reads the same order.
  append({ id, ...request });
  const lines = readRequests(files.requests);
  const received = lines.slice(0, lines.findIndex((line) => "id" in line && line.id === id) + 1);
  for (const each of rules) {
    if (!counts(each, request)) continue;
    const n = received.filter((line) => "id" in line && counts(each, line)).length;
    if (n < each.from || (each.times > 0 && n >= each.from + each.times)) continue;
    return {
      rule: each,
      log: () => append({ hit: each.fault, n, ...request }),
      isActive: () => existsSync(files.rules) && readRules(files.rules).text === text,
    };
  }
  return undefined;
}
