/** Sends the figures of a run, such as a deploy in CI, to the monitor. */
import { OtlpReceiver, type Span } from "../../clients/otlp/receiver.ts";
import { UsageError } from "../exit-codes.ts";
import type { Outcome } from "./words.ts";

export interface ReportArgs {
  /** What ran, such as `deploy`. */
  readonly name: string;
  readonly outcome: Outcome;
  /** Seconds since 1970. */
  readonly started: number;
  readonly seconds: readonly string[];
  readonly attribute: readonly string[];
  readonly endpoint?: string | undefined;
  readonly json?: boolean | undefined;
}

const SERVICE = "pantheros";

/** `name=value` -> the two. @throws UsageError */
function pair(text: string, option: string): readonly [string, string] {
  const at = text.indexOf("=");
  if (at < 1) throw new UsageError(`${option} "${text}" does not have the form NAME=VALUE`);
  return [text.slice(0, at), text.slice(at + 1)];
}

/** The span of a run. `now`: milliseconds since 1970. */
export function spanOf(args: ReportArgs, now: number): Span {
  const seconds = args.seconds.map((text) => {
    const [name, value] = pair(text, "--seconds");
    if (!/^\d+(\.\d+)?$/.test(value)) throw new UsageError(`--seconds ${name}: "${value}" is not a number`);
    return [`seconds.${name}`, Number(value)] as const;
  });
  const start = args.started * 1000;
  if (start > now) throw new UsageError("--started is in the future");
  return {
    name: args.name,
    start,
    end: now,
    succeeded: args.outcome === "success",
    attributes: {
      outcome: args.outcome,
      ...Object.fromEntries(args.attribute.map((text) => pair(text, "--attribute"))),
      ...Object.fromEntries(seconds),
    },
  };
}

/** Returns the exit code. Without an endpoint nothing is sent, so that a fork's workflow needs none. */
export async function report(args: ReportArgs, env: NodeJS.ProcessEnv): Promise<number> {
  const span = spanOf(args, Date.now());
  const endpoint = args.endpoint || env["OTEL_EXPORTER_OTLP_ENDPOINT"];
  if (args.json) console.log(JSON.stringify(span));
  if (!endpoint) {
    console.error("report: nothing sent: no --endpoint and no OTEL_EXPORTER_OTLP_ENDPOINT");
    return 0;
  }
  await new OtlpReceiver({ endpoint }).sendSpan(SERVICE, span);
  if (!args.json)
    console.log(
      `reported ${span.name}: ${span.attributes["outcome"]}, ${Math.round((span.end - span.start) / 1000)} s`,
    );
  return 0;
}
