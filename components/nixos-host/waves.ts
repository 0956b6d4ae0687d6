/** Waves: a host is deployed to when every host of the earlier waves has converged. */
import type { DeployResult } from "../../deployer/protocol/result.ts";
import { succeeded } from "./token.ts";

export interface WaveHost {
  readonly name: string;
  /** 1 is first: the canaries. */
  readonly wave: number;
  readonly converge: "must" | "best-effort";
}

/** In the order of their waves, and by name within one. */
export function inWaveOrder<T extends WaveHost>(hosts: readonly T[]): T[] {
  return [...hosts].sort((a, b) => a.wave - b.wave || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/**
 * Host -> the hosts whose results it waits for: those of the nearest earlier wave that has any. Waves before that are
 * waited for through it, as a held host holds the next wave too.
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

/** What holds a host back, as `HOST (OUTCOME)`: earlier hosts that must converge and did not. */
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
