/** Waves: a host is deployed to when all required hosts of the earlier waves have converged. */
import type { DeployResult } from "../../deployer/protocol/result.ts";
import { succeeded } from "./token.ts";

export interface WaveHost {
  readonly name: string;
  /** 1 is first: the canaries. */
  readonly wave: number;
  readonly converge: "must" | "best-effort";
}

/** Ordered by wave, and by name within a wave. */
export function inWaveOrder<T extends WaveHost>(hosts: readonly T[]): T[] {
  return [...hosts].sort((a, b) => a.wave - b.wave || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/**
 * Host -> the hosts whose results it waits for: those of the previous wave. Waves before that need no
 * edge, because a held host holds the next wave too.
 */
export function hostsToAwait(hosts: readonly WaveHost[]): Record<string, string[]> {
  const waves = [...new Set(hosts.map((host) => host.wave))].sort((a, b) => a - b);
  return Object.fromEntries(
    hosts.map(({ name, wave }) => {
      const before = waves[waves.indexOf(wave) - 1];
      const names = hosts.filter((host) => host.wave === before).map((host) => host.name);
      return [name, names.sort()];
    }),
  );
}

/** Why a host is held, as `HOST (OUTCOME)`: the required earlier hosts that did not converge. */
export function heldBy(
  earlier: readonly { result: DeployResult; converge: WaveHost["converge"] }[],
): string[] {
  return earlier
    .filter(
      ({ result: { outcome }, converge }) =>
        outcome === "held" || (converge === "must" && !succeeded(outcome)),
    )
    .map(({ result }) => `${result.host} (${result.outcome})`);
}
