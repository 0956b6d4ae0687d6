/** A run as a whole, made of its events. */
import type { OUTCOMES, RunEvent, RunStart } from "./contract.ts";

export type RunState = "running" | "succeeded" | "failed" | "interrupted" | "declined";
export type RunOutcome = (typeof OUTCOMES)[number];

export interface RunPhase {
  readonly phase: string;
  readonly at: string;
}

/** A host in a run; an absent field is unknown. */
export interface RunHost {
  readonly name: string;
  readonly wave?: number;
  readonly required?: boolean;
  /** False: the run was for other hosts. */
  readonly selected?: boolean;
  /** Whether the run deployed to it. */
  readonly changed: boolean;
  /** The steps that it reached, in their order. */
  readonly phases: readonly RunPhase[];
  readonly outcome?: RunOutcome;
  /** When the result was known. */
  readonly endedAt?: string;
  readonly step?: string;
  /** What failed, as a person would type it. */
  readonly command?: string;
  readonly reason?: string;
  readonly hint?: string;
  readonly closure?: string;
  readonly generation?: number;
  /** Step -> seconds. */
  readonly seconds?: Readonly<Record<string, number>>;
}

export interface RunResource {
  readonly name: string;
  readonly kind: string;
  readonly op: string;
  readonly state: "begun" | "done" | "failed";
}

/** What lists show of a run. */
export interface RunSummary {
  readonly id: string;
  readonly stack: string;
  readonly command: RunStart["command"];
  readonly state: RunState;
  readonly startedAt: string;
  readonly endedAt?: string;
  /** Duration of the engine's work; of a run without an end, unknown. */
  readonly seconds?: number;
  readonly on?: string;
  readonly by?: string;
  readonly commit?: string;
  readonly dirty?: boolean;
  /** Operation -> number of resources. */
  readonly counts: Readonly<Record<string, number>>;
  /** Outcome -> number of hosts that the run deployed to. */
  readonly outcomes: Readonly<Partial<Record<RunOutcome, number>>>;
}

export interface Run extends RunSummary {
  readonly hosts: readonly RunHost[];
  /** Objects other than hosts' deploys that the run changed. */
  readonly resources: readonly RunResource[];
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
  /** Events that were not kept, because there were too many. */
  readonly dropped?: number;
}

const MAX_PHASES = 60;
const MAX_RESOURCES = 1000;
const MAX_MESSAGES = 50;

const FAILURE_KEYS = ["step", "command", "reason", "hint"] as const;
const RESULT_KEYS = [
  "outcome",
  "endedAt",
  "step",
  "command",
  "reason",
  "hint",
  "closure",
  "generation",
  "seconds",
] as const;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type HostDraft = Mutable<Omit<RunHost, "phases">> & { phases: RunPhase[] };

/** Gathers the events of one run. */
export class RunBuilder {
  #start: RunStart | undefined;
  #end: Extract<RunEvent, { type: "end" }> | undefined;
  readonly #hosts = new Map<string, HostDraft>();
  readonly #resources = new Map<string, RunResource>();
  readonly #messages = { error: new Set<string>(), warning: new Set<string>() };

  get start(): RunStart | undefined {
    return this.#start;
  }

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  add(event: RunEvent): void {
    switch (event.type) {
      case "start":
        this.#start ??= event;
        return;
      case "section":
        // What the preview before an update said is said again by the update.
        this.#hosts.clear();
        this.#resources.clear();
        for (const messages of Object.values(this.#messages)) messages.clear();
        return;
      case "hosts":
        for (const planned of event.hosts) Object.assign(this.#host(planned.name), planned);
        return;
      case "phase": {
        const host = this.#host(event.host);
        const { phases } = host;
        // The result of an earlier run, which the state had.
        if (!host.changed) for (const key of RESULT_KEYS) delete host[key];
        host.changed = true;
        if (phases.length < MAX_PHASES && phases.at(-1)?.phase !== event.phase)
          phases.push({ phase: event.phase, at: event.at });
        return;
      }
      case "result": {
        const { type: _type, host: name, at, changed, ...result } = event;
        const host = this.#host(name);
        // The stack's outputs repeat the result of a deploy in fewer words.
        const isSame = host.changed && host.outcome === result.outcome;
        if (!isSame) for (const key of FAILURE_KEYS) delete host[key];
        Object.assign(host, isSame ? { ...result, ...host } : result, { changed: host.changed || changed });
        host.endedAt ??= at;
        return;
      }
      case "resource": {
        const { name, kind, op, state } = event;
        const key = `${kind} ${name} ${op}`;
        if (this.#resources.has(key) || this.#resources.size < MAX_RESOURCES)
          this.#resources.set(key, { name, kind, op, state });
        return;
      }
      case "message": {
        const messages = this.#messages[event.severity];
        if (messages.size < MAX_MESSAGES) messages.add(event.text);
        return;
      }
      case "interrupt":
        return;
      case "end":
        this.#end = event;
    }
  }

  /**
   * The run; undefined before its start is known.
   * @param isAlive whether its process runs; used when it has no end
   */
  build(isAlive: boolean): Run | undefined {
    if (this.#start === undefined) return undefined;
    const { id, stack, command, at, on, by, commit, dirty } = this.#start;
    const end = this.#end;
    const hosts = [...this.#hosts.values()].sort(
      (a, b) => (a.wave ?? Infinity) - (b.wave ?? Infinity) || (a.name < b.name ? -1 : 1),
    );
    return {
      id,
      stack,
      command,
      state: end?.result ?? (isAlive ? "running" : "interrupted"),
      startedAt: at,
      ...(end !== undefined && { endedAt: end.at }),
      ...(end?.seconds !== undefined && { seconds: end.seconds }),
      ...(on !== undefined && { on }),
      ...(by !== undefined && { by }),
      ...(commit !== undefined && { commit }),
      ...(dirty !== undefined && { dirty }),
      counts: end?.counts ?? {},
      outcomes: outcomesOf(hosts),
      hosts: hosts.map((host) => ({ ...host, phases: [...host.phases] })),
      resources: [...this.#resources.values()],
      errors: [...this.#messages.error],
      warnings: [...this.#messages.warning],
      ...(end?.dropped !== undefined && { dropped: end.dropped }),
    };
  }

  #host(name: string): HostDraft {
    const known = this.#hosts.get(name);
    if (known !== undefined) return known;
    const made: HostDraft = { name, changed: false, phases: [] };
    this.#hosts.set(name, made);
    return made;
  }
}

function outcomesOf(hosts: readonly RunHost[]): Partial<Record<RunOutcome, number>> {
  const counts: Partial<Record<RunOutcome, number>> = {};
  for (const { changed, outcome } of hosts)
    if (changed && outcome !== undefined) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

/** The part of a run that lists show. */
export function summaryOf(run: Run): RunSummary {
  const {
    hosts: _hosts,
    resources: _resources,
    errors: _errors,
    warnings: _warnings,
    dropped: _,
    ...summary
  } = run;
  return summary;
}
