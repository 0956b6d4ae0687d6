import { readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { SetupContext } from "./paths.ts";
import { checksumsUrl, tarballUrl } from "./pulumi-official.ts";

/** Where the Pulumi CLI, language host and provider plugins come from. */
export type PulumiSource = "official" | "registry";

export interface SourceChoice {
  readonly source: PulumiSource;
  readonly reason: string;
  /** Newly found out, and worth keeping. */
  readonly fresh: boolean;
}

const CACHE_MILLISECONDS = 24 * 3600 * 1000;
const PROBE_MILLISECONDS = 5_000;

export interface SourceInputs {
  /** PANTHEROS_PULUMI */
  readonly forced: string | undefined;
  readonly cached: { readonly source: PulumiSource; readonly ageMilliseconds: number } | undefined;
  /** Asks the official addresses; an error text when they cannot be had. */
  probe(): Promise<string | undefined>;
}

/** The choice: what is forced, else what was found within the last day, else what the official addresses answer. */
export async function chooseSource(facts: SourceInputs): Promise<SourceChoice> {
  if (facts.forced === "official" || facts.forced === "registry") {
    return { source: facts.forced, reason: "PANTHEROS_PULUMI says so", fresh: false };
  }
  if (facts.forced !== undefined && facts.forced !== "") {
    throw new Error(`PANTHEROS_PULUMI is "${facts.forced}"; it must be official or registry`);
  }
  if (facts.cached !== undefined && facts.cached.ageMilliseconds < CACHE_MILLISECONDS) {
    const hours = Math.round(facts.cached.ageMilliseconds / 3_600_000);
    return {
      source: facts.cached.source,
      reason: `found ${hours} h ago, asked again after a day`,
      fresh: false,
    };
  }
  const trouble = await facts.probe();
  if (trouble === undefined)
    return { source: "official", reason: "the official download answers", fresh: true };
  if (facts.cached?.source === "official") {
    return {
      source: "official",
      reason: "its address does not answer at the moment, but did before",
      fresh: false,
    };
  }
  return { source: "registry", reason: `the official download cannot be had: ${trouble}`, fresh: true };
}

/** Makes the choice for this machine and remembers it, unless it is forced. */
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
      return `${url}: ${cause instanceof Error ? cause.message : String(cause)}`;
    }
  }
  return undefined;
}
