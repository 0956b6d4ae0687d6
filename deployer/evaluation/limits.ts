/** How many processes evaluate at once, and how much memory each may use. */
import { availableParallelism, freemem } from "node:os";

export interface EvaluationLimits {
  /** Processes at once. */
  readonly workers: number;
  /** Memory of all processes together, in 10^6 bytes. */
  readonly memoryMb: number;
}

/** With less, a process has memory for one host only, or not even for a large one. */
const MIN_WORKER_MB = 1000;
/** More memory makes a process little faster (measured: docs/benchmarks.md). */
const MAX_WORKER_MB = 1400;
/** Share of the memory that is free when the evaluation starts. */
const SHARE_OF_FREE = 0.7;

interface Computer {
  readonly cores: number;
  readonly freeMb: number;
}

/**
 * Both figures respect the limits of a container (libuv's `uv_available_parallelism` and
 * `uv_get_available_memory`).
 */
export const thisComputer = (): Computer => ({
  cores: availableParallelism(),
  freeMb: Math.min(process.availableMemory(), freemem()) / 1e6,
});

/** The limits for a computer. At least one process runs. @param wanted what the user set */
export function evaluationLimits(
  wanted: Partial<EvaluationLimits>,
  { cores, freeMb }: Computer,
): EvaluationLimits {
  const memoryMb =
    wanted.memoryMb ??
    Math.max(MIN_WORKER_MB, Math.floor(Math.min(freeMb * SHARE_OF_FREE, cores * MAX_WORKER_MB)));
  const workers = wanted.workers ?? Math.max(1, Math.min(cores, Math.floor(memoryMb / MIN_WORKER_MB)));
  return { workers, memoryMb };
}

/** Memory that a Nix process uses outside of its heap. */
const OUTSIDE_HEAP_MB = 100;

/**
 * Variables of Nix's garbage collector (bdwgc, README.environment). The heap starts at its maximum
 * size, so that the collector runs only when that is used up; this halves the processor time of an
 * evaluation. A process that needs more fails with "out of memory".
 */
export function heapVariables(memoryMb: number): Record<string, string> {
  const bytes = String(Math.floor(Math.max(memoryMb - OUTSIDE_HEAP_MB, memoryMb / 2) * 1e6));
  return { GC_INITIAL_HEAP_SIZE: bytes, GC_MAXIMUM_HEAP_SIZE: bytes };
}

/**
 * Estimates from the fleet of this repository. If they are too low, a process runs out of memory
 * and a new one continues.
 */
const FLAKE_MB = 200;
const HOST_MB = 350;

/**
 * The hosts of each process, in the order in which the processes start. Each worker gets the same
 * number of processes, and the first hosts come first in each worker's first process.
 */
export function chunksOf(
  hosts: readonly string[],
  { workers, memoryMb }: EvaluationLimits,
): (readonly string[])[] {
  const perProcess = Math.max(1, Math.floor((memoryMb / workers - OUTSIDE_HEAP_MB - FLAKE_MB) / HOST_MB));
  const rounds = Math.ceil(hosts.length / (workers * perProcess));
  const perRound = Math.ceil(hosts.length / rounds);
  return Array.from({ length: rounds }, (_, round) => {
    const part = hosts.slice(round * perRound, (round + 1) * perRound);
    return Array.from({ length: workers }, (_, worker) => part.filter((_, at) => at % workers === worker));
  })
    .flat()
    .filter((chunk) => chunk.length > 0);
}
