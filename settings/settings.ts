import * as z from "zod";
import { label } from "../inventory/primitives.ts";
import { RunError } from "../lib/run-error.ts";
import { isStorePath } from "../lib/store-path.ts";

/** How a run probes hosts: with the deploy key, with a key that may only read the status, or not at all. */
export type ProbeMode = "deploy" | "status" | "off";

/** The stack's configuration, checked, with the environment's overrides applied. See Pulumi.yaml for each key. */
export interface Settings {
  readonly stack: string;
  /** Key of the inventory's table `[environments.NAME]`. */
  readonly environment: string;
  readonly fleetFile: string;
  readonly flake: string;
  readonly flakeOverrides: Readonly<Record<string, string>>;
  readonly probe: ProbeMode;
  /** Private key file; undefined: the SSH agent. */
  readonly sshKey: string | undefined;
  readonly knownHostsFile: string;
  /** Hosts that the run is for (inventory/selection.ts), from PANTHEROS_ON; undefined: all. */
  readonly selection: string | undefined;
  /** File to which a preview writes its report on the hosts. */
  readonly previewFile: string;
  /** File with the approval of a deploy before its time, from `tools/pantheros approve`. */
  readonly approvalFile: string;
  readonly addresses: Readonly<Record<string, string>>;
  /** Host -> store path of the system at which it is pinned, after a rollback on purpose. */
  readonly pins: Readonly<Record<string, string>>;
  readonly s3Endpoint: string | undefined;
  readonly cloudflareZoneId: string | undefined;
  readonly evaluation: EvaluationSettings;
}

/** How the hosts' systems are evaluated on this computer. */
export interface EvaluationSettings {
  /** Processes of Nix at once; undefined: by processors and free memory. */
  readonly workers: number | undefined;
  /** Memory of these processes together, in 10^6 bytes; undefined: by processors and free memory. */
  readonly memoryMb: number | undefined;
  /**
   * Directory of kept results; `off`: none are kept; undefined: a directory of this checkout in the
   * user's cache.
   */
  readonly cache: string | undefined;
  /** A preview also uses kept results whose derivations are not in the store, as on a new CI runner. */
  readonly previewWithoutDerivations: boolean;
}

const texts = z.record(z.string(), z.string());

/** The value of a pin. */
const systemPath = z
  .string()
  .refine(isStorePath, "not the store path of a system: set it with tools/pantheros rollback");

/** Zero: not set. */
const count = z.coerce.number().int().min(0);

const shape = z.strictObject({
  environment: label,
  fleet: z.string().min(1),
  flake: z.string().min(1),
  flakeOverrides: texts,
  probe: z.enum(["deploy", "status", "off"]),
  sshKey: z.string(),
  knownHosts: z.string().min(1),
  addresses: texts,
  pins: z.record(z.string(), systemPath),
  s3Endpoint: z.string(),
  cloudflareZoneId: z.string(),
  evaluationWorkers: count,
  evaluationMemoryMb: count,
});

/** `input=ref input=ref` -> record. @throws Error for a word without `=`. */
export function parseOverrides(text: string): Record<string, string> {
  const pairs = text.split(/\s+/).filter((word) => word !== "");
  return Object.fromEntries(
    pairs.map((word) => {
      const at = word.indexOf("=");
      if (at < 1)
        throw new Error(`PANTHEROS_FLAKE_OVERRIDES: "${word}" does not have the form input=reference`);
      return [word.slice(0, at), word.slice(at + 1)];
    }),
  );
}

/** Sources of the settings: `get` reads a key of the stack's configuration, `env` an environment variable. */
export interface SettingsSources {
  readonly stack: string;
  get(key: string): unknown;
  env(name: string): string | undefined;
}

const orUndefined = (text: string) => (text === "" ? undefined : text);

/**
 * Checks the configuration of a stack.
 * @throws RunError with one line per invalid key, naming the stack's file.
 */
export function settingsFrom({ stack, get, env }: SettingsSources): Settings {
  const file = `Pulumi.${stack}.yaml`;
  const given = {
    environment: get("environment") ?? stack,
    fleet: env("PANTHEROS_FLEET") ?? get("fleet") ?? "nix/fleet.toml",
    flake: env("PANTHEROS_FLAKE") ?? get("flake") ?? "path:./nix",
    flakeOverrides: get("flakeOverrides") ?? {},
    probe: env("PANTHEROS_PROBE") ?? get("probe") ?? "deploy",
    sshKey: env("PANTHEROS_SSH_KEY") ?? get("sshKey") ?? "",
    knownHosts: env("PANTHEROS_KNOWN_HOSTS") ?? get("knownHosts") ?? "nix/known_hosts",
    addresses: get("addresses") ?? {},
    pins: get("pins") ?? {},
    s3Endpoint: get("s3Endpoint") ?? "",
    cloudflareZoneId: get("cloudflareZoneId") ?? "",
    evaluationWorkers: env("PANTHEROS_EVALUATION_WORKERS") ?? get("evaluationWorkers") ?? 0,
    evaluationMemoryMb: env("PANTHEROS_EVALUATION_MEMORY_MB") ?? get("evaluationMemoryMb") ?? 0,
  };
  const result = shape.safeParse(given);
  if (!result.success) {
    throw new RunError(
      result.error.issues
        .map((issue) => `${file}: pantheros:${issue.path.join(".")}: ${issue.message}`)
        .join("\n"),
    );
  }
  const { fleet, knownHosts, sshKey, s3Endpoint, cloudflareZoneId, ...more } = result.data;
  const { evaluationWorkers, evaluationMemoryMb, ...rest } = more;
  return {
    ...rest,
    stack,
    flakeOverrides: { ...rest.flakeOverrides, ...parseOverrides(env("PANTHEROS_FLAKE_OVERRIDES") ?? "") },
    fleetFile: fleet,
    knownHostsFile: knownHosts,
    // It applies to one run, so it is not a key of the stack's file. An empty selection is refused.
    selection: env("PANTHEROS_ON"),
    previewFile: env("PANTHEROS_PREVIEW_FILE") || `.preview/${stack}.md`,
    approvalFile: env("PANTHEROS_APPROVAL") || `approvals/${stack}.json`,
    sshKey: orUndefined(sshKey),
    s3Endpoint: orUndefined(s3Endpoint),
    cloudflareZoneId: orUndefined(cloudflareZoneId),
    evaluation: {
      workers: evaluationWorkers || undefined,
      memoryMb: evaluationMemoryMb || undefined,
      cache: orUndefined(env("PANTHEROS_EVALUATION_CACHE") ?? ""),
      previewWithoutDerivations: env("PANTHEROS_EVALUATION_DERIVATIONS") === "optional",
    },
  };
}
