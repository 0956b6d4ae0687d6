/**
 * Deploys of one host in which a process is killed at a random moment; without Pulumi, over SSH as the
 * deploy user.
 */
import { randomInt, randomUUID } from "node:crypto";
import { expectSuccess, type HostState, type Rehearsal, until } from "./rehearsal.ts";

export interface Systems {
  readonly good: readonly [string, string];
  readonly failing: string;
}

interface Answer {
  readonly outcome: string;
  readonly token: string;
}

interface Status {
  readonly phase: string;
  readonly system: string;
  readonly profile: string;
  readonly bootDefault: string;
  readonly token: string;
  readonly confirmed: boolean;
  readonly last: Answer;
}

const program = ["sudo", "-n", "/run/current-system/sw/bin/pantheros-supervisor"];

/** PANTHEROS_SEED, or a new seed; the callers print it, so that a run can be repeated. */
export const givenSeed = (): number => Number(process.env["PANTHEROS_SEED"] || randomInt(2 ** 31));

/** Random numbers below `bound`, the same for the same seed (mulberry32). */
function randomFrom(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  };
}

/**
 * Waits for the unit, then for the delay, and kills one of its processes, or all if `which` is 0.
 * Prints what it killed; nothing when there was no process left.
 */
const killScript = `exec 2>/dev/null
unit=pantheros-activation.service which=$1 delay=$2
group=/sys/fs/cgroup/system.slice/$unit
tries=0
until [ -n "$(cat "$group/cgroup.procs")" ]; do
  tries=$((tries + 1)); [ "$tries" -lt 500 ] || exit 0
  sleep 0.01
done
sleep "$delay"
set -- $(cat "$group/cgroup.procs")
[ $# -gt 0 ] || exit 0
phase=$(sed -n 's/^phase=//p' /var/lib/pantheros/record | tail -n 1)
if [ "$which" = 0 ]; then systemctl kill -s KILL $unit && echo "the unit ($phase)"; exit 0; fi
shift $((which % $#))
name=$(tr '\\0' ' ' <"/proc/$1/cmdline" | head -n 1 | cut -c1-100)
kill -KILL "$1" && echo "$name ($phase)"
exit 0
`;

/** A host that is deployed to, and its invariants. */
class Victim {
  readonly fleet: Rehearsal;
  readonly host: string;

  constructor(fleet: Rehearsal, host: string) {
    this.fleet = fleet;
    this.host = host;
  }

  /**
   * The line that a verb prints, whatever its exit code; undefined when connection or program ended
   * first.
   */
  async ask<T>(...words: readonly string[]): Promise<T | undefined> {
    const { output } = await this.fleet.asDeployUser(this.host, ...program, ...words);
    const line = output.split("\n").find((text) => text.startsWith("{"));
    return line === undefined ? undefined : (JSON.parse(line) as T);
  }

  /** Activates, confirms when asked to, and returns all answers in their order. */
  async deploy(system: string, token: string): Promise<readonly Answer[]> {
    const begun = await this.ask<Answer>("activate", system, token);
    const end = begun?.outcome === "waiting" ? await this.ask<Answer>("confirm", token) : undefined;
    return [begun, end].filter((answer) => answer !== undefined);
  }

  /** Waits until the host is idle, without any help. */
  idle(): Promise<Status> {
    return until(`${this.host} is idle`, 240, async () => {
      const status = await this.ask<Status>("status");
      return status?.phase === "idle" ? status : undefined;
    });
  }

  async kill(which: number, delay: string): Promise<string> {
    const words = `sh -s ${which} ${delay}`;
    const ran = await this.fleet.onMachine(this.host, words, killScript);
    expectSuccess(ran);
    return ran.output.trim();
  }
}

/** The last answer matches the host's state, which is one of the two possible results of a deploy. */
function expectTrue(
  status: Status,
  answers: readonly Answer[],
  deploy: {
    readonly wanted: string;
    readonly token: string;
    readonly before: string;
    readonly good: boolean;
  },
): void {
  const { wanted, token, before, good } = deploy;
  expect(status.last.token).toBe(token);
  const { outcome } = status.last;
  expect(good ? ["confirmed", "rolled-back"] : ["rolled-back"]).toContain(outcome);
  const runs = outcome === "confirmed" ? wanted : before;
  expect(status).toMatchObject({ system: runs, profile: runs, bootDefault: runs, confirmed: true });
  expect(status.token === token).toBe(outcome === "confirmed");
  for (const answer of answers) {
    expect(answer.token ?? token).toBe(token);
    // "waiting" and "refused" are not results.
    if (!["waiting", "refused"].includes(answer.outcome)) expect(answer.outcome).toBe(outcome);
  }
}

const add = (tally: Map<string, number>, name: string) => tally.set(name, (tally.get(name) ?? 0) + 1);

/**
 * Kills processes in `count` good and failing deploys; after each the host is healthy and accepts
 * deploys.
 */
export async function killAtRandom(
  fleet: Rehearsal,
  host: string,
  systems: Systems,
  count: number,
  seed: number,
): Promise<void> {
  const random = randomFrom(seed);
  const victim = new Victim(fleet, host);
  const tally = new Map<string, number>();
  const other = (system: string) => systems.good[system === systems.good[0] ? 1 : 0];
  for (let hit = 0, tried = 0; hit < count; tried++) {
    if (tried > 5 * count + 20) throw new Error(`${hit} of ${tried} deploys had something to kill`);
    const before: HostState = await fleet.hostState(host);
    const good = random(2) === 0;
    const wanted = good ? other(before.running) : systems.failing;
    const token = randomUUID();
    const delays = Array.from({ length: 1 + random(2) }, () =>
      (random(good ? 1000 : 4000) / 1000).toFixed(3),
    );
    const killing = (async () => {
      const killed: string[] = [];
      for (const delay of delays) killed.push(await victim.kill(random(4) === 0 ? 0 : 1 + random(60), delay));
      return killed.filter((name) => name !== "");
    })();
    const [answers, killed] = await Promise.all([victim.deploy(wanted, token), killing]);
    if (killed.length > 0) hit++;
    const status = await victim.idle();
    const context = `seed ${seed}, deploy ${tried} (${good ? "good" : "failing"}), killed: ${killed.join(", ")}`;
    try {
      expectTrue(status, answers, { wanted, token, before: before.running, good });
      const now = await fleet.hostState(host);
      expect(now).toMatchObject({ running: status.system, boots: status.system });
      expect(now.serving).toEqual(expect.arrayContaining([...before.serving]));
      add(tally, killed.length === 0 ? "missed" : status.last.outcome);
      for (const text of killed) add(tally, `in ${/[a-z-]+(?=\)$)/.exec(text)?.[0]}`);
      if (killed.length === 0) continue;
      // The next deploy must work.
      const next = { wanted: other(now.running), token: randomUUID(), before: now.running, good };
      const nextAnswers = await victim.deploy(next.wanted, next.token);
      expect(nextAnswers.map(({ outcome }) => outcome)).toEqual(["waiting", "confirmed"]);
      expectTrue(await victim.idle(), nextAnswers, { ...next, good: true });
    } catch (error) {
      throw new Error(`${context}\nanswers: ${JSON.stringify(answers)}\n${JSON.stringify(status)}\n${error}`);
    }
  }
  const summary = [...tally].map(([name, times]) => `${times} ${name}`).join(", ");
  process.stderr.write(`${fleet.name}: kills in ${count} deploys, seed ${seed}: ${summary}\n`);
}
