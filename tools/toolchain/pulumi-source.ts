import { readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { messageOf } from "../../lib/message-of.ts";
import type { SetupContext } from "./paths.ts";
import { checksumsUrl, tarballUrl } from "./pulumi-official.ts";

/** Where the Pulumi CLI, language host and provider plugins come from. */
export type PulumiSource = "official" | "registry";

export interface SourceChoice {
  readonly source: PulumiSource;
  readonly reason: string;
  /** The result of a probe, which is kept for a day. */
  readonly fresh: boolean;
}

const CACHE_MILLISECONDS = 24 * 3600 * 1000;
const PROBE_MILLISECONDS = 5_000;

export interface SourceInputs {
  /** PANTHEROS_PULUMI */
  readonly forced: string | undefined;
  readonly cached: { readonly source: PulumiSource; readonly ageMilliseconds: number } | undefined;
  /** Requests the official downloads; an error text when they are not reachable. */
  probe(): Promise<string | undefined>;
}

/** The forced source, else the one found within the last day, else the official one if it is reachable. */
export async function chooseSource(inputs: SourceInputs): Promise<SourceChoice> {
  if (inputs.forced === "official" || inputs.forced === "registry") {
    return { source: inputs.forced, reason: "set by PANTHEROS_PULUMI", fresh: false };
  }
  if (inputs.forced !== undefined && inputs.forced !== "") {
    throw new Error(`PANTHEROS_PULUMI is "${inputs.forced}"; it must be official or registry`);
  }
  if (inputs.cached !== undefined && inputs.cached.ageMilliseconds < CACHE_MILLISECONDS) {
    const hours = Math.round(inputs.cached.ageMilliseconds / 3_600_000);
    return {
      source: inputs.cached.source,
      reason: `found ${hours} h ago, checked once a day`,
      fresh: false,
    };
  }
  const problem = await inputs.probe();
  if (problem === undefined)
    return { source: "official", reason: "the official download is reachable", fresh: true };
  if (inputs.cached?.source === "official") {
    return {
      source: "official",
      reason: "the official download was reachable before, but is not now",
      fresh: false,
    };
  }
  return { source: "registry", reason: `the official download is not reachable: ${problem}`, fresh: true };
}

/** Chooses the source for this computer and stores it in the cache, unless it is forced. */
export async function resolveSource(setup: SetupContext, env: NodeJS.ProcessEnv): Promise<SourceChoice> {
  const file = path.join(setup.cache, "pulumi-source");
  const choice = await chooseSource({
    forced: env["PANTHEROS_PULUMI"],
    cached: readCached(file),
    probe: () => probe([checksumsUrl(setup, env), tarballUrl(setup, env)]),
  });
  if (choice.fresh) writeFileSync(file, `${choice.source}\n`);
  return choice;
}

function readCached(file: string): SourceInputs["cached"] {
  try {
    const source = readFileSync(file, "utf8").trim();
    if (source !== "official" && source !== "registry") return undefined;
    return { source, ageMilliseconds: Date.now() - statSync(file).mtimeMs };
  } catch {
    return undefined;
  }
}

async function probe(urls: readonly string[]): Promise<string | undefined> {
  for (const url of urls) {
    try {
      const answer = await fetch(url, { method: "HEAD", signal: AbortSignal.timeout(PROBE_MILLISECONDS) });
      if (!answer.ok) return `${url} answers ${answer.status}`;
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      return `${url}: ${messageOf(cause)}`;
    }
  }
  return undefined;
}
