/**
 * Evaluates the hosts of a stack, in previews and in `up`. Nothing is built. Results of unchanged
 * files come from the cache, the others from several processes of `nix eval`. No host's result waits
 * for those of the others.
 */
import { DEFAULT_SECONDS } from "../../inventory/seconds.ts";
import { entryOf } from "../../lib/entry-of.ts";
import { runQuery } from "../process/child.ts";
import { EvaluationCache } from "./cache.ts";
import { EvaluationError, type FailedCommand, hostFailure } from "./errors.ts";
import { type FlakeArgs, fixFlake, plainEvalArgv } from "./flake.ts";
import { hostSources } from "./host-sources.ts";
import { type EvaluationLimits, evaluationLimits, thisComputer } from "./limits.ts";
import { type EvaluationSource, wholeFlake } from "./nix-eval.ts";
import { derivationsOf, type EvaluatedTarget, type HostEvaluation, target } from "./target.ts";
import { type EvaluationProcess, evaluateHosts } from "./workers.ts";

export interface EvaluateArgs extends FlakeArgs {
  /** In the order of their evaluation. */
  readonly hosts: readonly string[];
  /** Host -> its former name, which its folder in `hosts/` may still have. */
  readonly formerNames?: Readonly<Record<string, string>>;
  /** Directory of the kept results; undefined: none are kept. */
  readonly cache?: string | undefined;
  /** Also uses kept results whose derivations are not in the store. Only for runs that build nothing. */
  readonly withoutDerivations?: boolean;
  /** Limits that the user set. */
  readonly limits?: Partial<EvaluationLimits>;
  /** Called for each process of Nix that has ended, with its statistics. */
  readonly onProcess?: (ended: EvaluationProcess) => void;
  /** Called when no process is left, which is after the last result. */
  readonly onEnd?: () => void;
  /** Limit for all hosts together. Without cached results, a large fleet takes minutes. */
  readonly timeoutSeconds?: number;
}

/** Host -> its result. All are rejected with one EvaluationError when no host can be evaluated. */
export type Evaluation = ReadonlyMap<string, Promise<HostEvaluation>>;

/** Starts the evaluation at once, so that Nix runs while the program loads. */
export function evaluate(args: EvaluateArgs): Evaluation {
  const hosts = new Map(args.hosts.map((host) => [host, Promise.withResolvers<HostEvaluation>()] as const));
  const run = new EvaluationRun(args, (host, result) => hosts.get(host)?.resolve(result));
  run
    .all()
    .catch((error: unknown) => {
      for (const { reject } of hosts.values()) reject(error);
    })
    .finally(args.onEnd);
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
    const { hosts, formerNames = {} } = this.#args;
    if (hosts.length === 0) return;
    const query = (argv: readonly string[]) => this.#query(argv);
    const flake = await fixFlake(this.#args, query);
    const folderNames = (host: string) => [host, entryOf(formerNames, host) ?? host];
    const separate = hostSources(flake, folderNames, query);
    const whole = wholeFlake(flake);
    const kept = await this.#keptResults((host) => [separate?.fingerprint(host), whole.fingerprint(host)]);
    for (const [host, found] of kept) this.#settle(host, { target: target.parse(found) });
    const changed = hosts.filter((host) => !kept.has(host));
    if (changed.length === 0) return;
    const failed = await this.#evaluateSeparately(await separate?.store(changed), changed);
    await this.#evaluateWhole(whole, failed);
    await this.#cache?.prune();
  }

  #query(argv: readonly string[]) {
    const timeoutSeconds = this.#secondsLeft();
    return runQuery({ argv, timeoutSeconds, maxOutputBytes: MAX_ANSWER_BYTES, ownGroup: false });
  }

  #secondsLeft(): number {
    return Math.max(0.001, (this.#deadline - Date.now()) / 1000);
  }

  /** @param fingerprints all under which the host's result may be kept */
  async #keptResults(
    fingerprints: (host: string) => readonly (string | undefined)[],
  ): Promise<ReadonlyMap<string, EvaluatedTarget>> {
    const read = this.#args.hosts.map(async (host) => {
      for (const fingerprint of fingerprints(host)) {
        const result = fingerprint === undefined ? undefined : await this.#cache?.read(fingerprint, host);
        if (result !== undefined) return [[host, result] as const];
      }
      return [];
    });
    const found = (await Promise.all(read)).flat();
    if (found.length === 0 || this.#args.withoutDerivations === true) return new Map(found);
    const derivations = found.flatMap(([, result]) => derivationsOf(result));
    const checked = await this.#query(["nix-store", "--check-validity", "--print-invalid", ...derivations]);
    if (checked.exitCode !== 0) return new Map();
    const gone = new Set(checked.stdout.split("\n"));
    return new Map(found.filter(([, result]) => !derivationsOf(result).some((path) => gone.has(path))));
  }

  /**
   * Evaluates each host from its own files. Returns the hosts that need other files too or have an
   * error: evaluated from all files, an error is the one that the plain command shows.
   */
  async #evaluateSeparately(
    source: EvaluationSource | undefined,
    hosts: readonly string[],
  ): Promise<readonly string[]> {
    if (source === undefined) return hosts;
    const failed: string[] = [];
    await evaluateHosts({
      ...this.#work(source, hosts),
      onError: (host) => failed.push(host),
      onUnreadable: (unread) => failed.push(...unread),
    });
    return failed;
  }

  async #evaluateWhole(source: EvaluationSource, hosts: readonly string[]): Promise<void> {
    await evaluateHosts({
      ...this.#work(source, hosts),
      onError: (host, failed) => this.#fail(host, failed),
      onUnreadable: (_, failed) => {
        throw new EvaluationError(this.#args.flake, plainEvalArgv(this.#args), failed);
      },
    });
  }

  #work(source: EvaluationSource, hosts: readonly string[]) {
    return {
      source,
      hosts,
      limits: this.#limits,
      secondsLeft: () => this.#secondsLeft(),
      onProcess: this.#args.onProcess,
      onTarget: (host: string, found: EvaluatedTarget) => this.#finish(source, host, found),
      onLimit: (host: string, failed: FailedCommand) => this.#fail(host, failed),
    };
  }

  /** Writes the cache first, because the run may end as soon as it has this result. */
  async #finish(source: EvaluationSource, host: string, found: EvaluatedTarget): Promise<void> {
    const fingerprint = source.fingerprint(host);
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
