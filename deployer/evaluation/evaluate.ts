/**
 * Evaluates the hosts of a stack, in previews and in `up`. Nothing is built. Results of an
 * unchanged flake come from the cache, the others from several processes of `nix eval`. No host's
 * result waits for those of the others.
 */
import { DEFAULT_SECONDS } from "../../inventory/seconds.ts";
import { runQuery } from "../process/child.ts";
import { EvaluationCache } from "./cache.ts";
import { EvaluationError, type FailedCommand, hostFailure, isOutOfMemory } from "./errors.ts";
import { type FixedFlake, type FlakeArgs, fixFlake, plainEvalArgv } from "./flake.ts";
import { chunksOf, type EvaluationLimits, evaluationLimits, heapVariables, thisComputer } from "./limits.ts";
import { nixEval } from "./nix-eval.ts";
import { derivationsOf, type EvaluatedTarget, type HostEvaluation, target } from "./target.ts";

export interface EvaluateArgs extends FlakeArgs {
  /** In the order of their evaluation. */
  readonly hosts: readonly string[];
  /** Directory of the kept results; undefined: none are kept. */
  readonly cache?: string | undefined;
  /** Also uses kept results whose derivations are not in the store. Only for runs that build nothing. */
  readonly withoutDerivations?: boolean;
  /** Limits that the user set. */
  readonly limits?: Partial<EvaluationLimits>;
  /** Limit for all hosts together. Without cached results, a large fleet takes minutes. */
  readonly timeoutSeconds?: number;
}

/** Host -> its result. All are rejected with one EvaluationError when no host can be evaluated. */
export type Evaluation = ReadonlyMap<string, Promise<HostEvaluation>>;

/** Starts the evaluation at once, so that Nix runs while the program loads. */
export function evaluate(args: EvaluateArgs): Evaluation {
  const hosts = new Map(args.hosts.map((host) => [host, Promise.withResolvers<HostEvaluation>()] as const));
  const run = new EvaluationRun(args, (host, result) => hosts.get(host)?.resolve(result));
  run.all().catch((error: unknown) => {
    for (const { reject } of hosts.values()) reject(error);
  });
  // Each user of a promise gets the error; this only marks it as handled.
  for (const { promise } of hosts.values()) promise.catch(() => {});
  return new Map([...hosts].map(([host, { promise }]) => [host, promise]));
}

/** Limit of the output of Nix commands other than evaluations. */
const MAX_ANSWER_BYTES = 2 ** 24;

class EvaluationRun {
  readonly #args: EvaluateArgs;
  readonly #settle: (host: string, result: HostEvaluation) => void;
  readonly #limits: EvaluationLimits;
  readonly #cache: EvaluationCache | undefined;
  readonly #deadline: number;
  /** Text of a failure -> the first host that has it. */
  readonly #failures = new Map<string, string>();

  constructor(args: EvaluateArgs, settle: (host: string, result: HostEvaluation) => void) {
    this.#args = args;
    this.#settle = settle;
    this.#limits = evaluationLimits(args.limits ?? {}, thisComputer());
    this.#cache = args.cache === undefined ? undefined : new EvaluationCache(args.cache);
    this.#deadline = Date.now() + (args.timeoutSeconds ?? DEFAULT_SECONDS.evaluate) * 1000;
  }

  /** @throws EvaluationError when no host can be evaluated. */
  async all(): Promise<void> {
    if (this.#args.hosts.length === 0) return;
    const flake = await fixFlake(this.#args, (argv) => this.#query(argv));
    const kept = await this.#keptResults(flake);
    for (const [host, found] of kept) this.#settle(host, { target: target.parse(found) });
    const changed = this.#args.hosts.filter((host) => !kept.has(host));
    if (changed.length > 0) await this.#evaluate(flake, changed);
  }

  #query(argv: readonly string[]) {
    const timeoutSeconds = this.#secondsLeft();
    return runQuery({ argv, timeoutSeconds, maxOutputBytes: MAX_ANSWER_BYTES, ownGroup: false });
  }

  #secondsLeft(): number {
    return Math.max(0.001, (this.#deadline - Date.now()) / 1000);
  }

  async #keptResults({ fingerprint }: FixedFlake): Promise<ReadonlyMap<string, EvaluatedTarget>> {
    if (fingerprint === undefined) return new Map();
    const read = this.#args.hosts.map(
      async (host) => [host, await this.#cache?.read(fingerprint, host)] as const,
    );
    const found = (await Promise.all(read)).flatMap(([host, result]) =>
      result === undefined ? [] : [[host, result] as const],
    );
    if (found.length === 0 || this.#args.withoutDerivations === true) return new Map(found);
    const derivations = found.flatMap(([, result]) => derivationsOf(result));
    const checked = await this.#query(["nix-store", "--check-validity", "--print-invalid", ...derivations]);
    if (checked.exitCode !== 0) return new Map();
    const gone = new Set(checked.stdout.split("\n"));
    return new Map(found.filter(([, result]) => !derivationsOf(result).some((path) => gone.has(path))));
  }

  async #evaluate(flake: FixedFlake, hosts: readonly string[]): Promise<void> {
    const { workers, memoryMb } = this.#limits;
    const chunks = chunksOf(hosts, this.#limits);
    const large: string[] = [];
    const work = async () => {
      for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) {
        large.push(...(await this.#evaluateChunk(flake, chunk, memoryMb / workers)));
      }
    };
    try {
      await Promise.all(Array.from({ length: workers }, work));
    } finally {
      chunks.length = 0; // after an error the other workers stop too
    }
    // A host that needs more than one process's share is evaluated alone, with all the memory.
    for (const host of large) await this.#evaluateChunk(flake, [host], memoryMb);
    await this.#cache?.prune();
  }

  /** Evaluates some hosts. Returns those that ran out of memory and can still be given more. */
  async #evaluateChunk(flake: FixedFlake, chunk: readonly string[], memoryMb: number): Promise<string[]> {
    const large: string[] = [];
    let waiting = chunk;
    while (waiting.length > 0) {
      const ran = await this.#runNix(flake, waiting, memoryMb);
      const [failed, ...after] = ran.left;
      if (failed === undefined) break;
      if (ran.timedOut) for (const host of ran.left) this.#fail(host, ran);
      if (ran.timedOut) break;
      // The next process starts after the failed host; or with it, when the hosts before it may
      // have used the memory.
      const isFirst = failed === waiting[0];
      waiting = isOutOfMemory(ran) && !isFirst ? ran.left : after;
      if (!isOutOfMemory(ran)) this.#fail(failed, ran);
      else if (isFirst && memoryMb < this.#limits.memoryMb) large.push(failed);
      else if (isFirst) this.#fail(failed, ran);
    }
    return large;
  }

  /**
   * Runs Nix once. `left` of the result lists the hosts without a result: the failed one and those
   * after it.
   */
  async #runNix(flake: FixedFlake, hosts: readonly string[], memoryMb: number) {
    const left = new Set(hosts);
    const finished: Promise<void>[] = [];
    const ran = await nixEval({
      flake,
      hosts,
      timeoutSeconds: this.#secondsLeft(),
      env: heapVariables(memoryMb),
      onHost: (host, found) => {
        left.delete(host);
        if ("malformed" in found) {
          this.#fail(host, { exitCode: 0, timedOut: false, stderr: found.malformed });
          return;
        }
        finished.push(this.#finish(flake, host, found.target));
      },
    });
    await Promise.all(finished);
    if (!ran.begun) throw new EvaluationError(this.#args.flake, plainEvalArgv(this.#args), ran);
    return { ...ran, left: [...left] };
  }

  /** Writes the cache first, because the run may end as soon as it has this result. */
  async #finish({ fingerprint }: FixedFlake, host: string, found: EvaluatedTarget): Promise<void> {
    if (fingerprint !== undefined) await this.#cache?.write(fingerprint, host, found);
    this.#settle(host, { target: target.parse(found) });
  }

  #fail(host: string, failed: FailedCommand): void {
    const failure = hostFailure(plainEvalArgv(this.#args, host), failed);
    const first = this.#failures.get(failure.reason) ?? host;
    this.#failures.set(failure.reason, first);
    // An error in a shared file fails every host, so only the first host has it in full.
    const brief = `${failure.reason.split("\n")[0]} (the error of ${first} in full)`;
    const reason = first === host ? failure.reason : brief;
    this.#settle(host, { failure: { ...failure, reason } });
  }
}
