/** Deploys of one fleet by several programs, in turns, so that other load of the computer affects all alike. */
import { connectArgv, pairs, rawArgv, runningArgv, sshOptions } from "./contenders.ts";
import type { DeployRs } from "./deploy-rs.ts";
import type { BenchFleet, Filler } from "./fleet.ts";
import type { Finished } from "./run.ts";
import { median } from "./table.ts";

export type Contender = "ours" | "ours with preview" | "raw" | "deploy-rs";

export interface Figures {
  /** Medians, in seconds; NaN when it was not measured. */
  readonly changed: number;
  readonly unchanged: number;
  /** Processor time of `changed`, here and on the hosts; does not depend on the computer's other load. */
  readonly processor: number;
}

interface Times {
  readonly changed: number[];
  readonly unchanged: number[];
  readonly processor: number[];
}

export interface Plan {
  readonly contenders: readonly Contender[];
  readonly filler: Omit<Filler, "seed">;
  readonly rounds: number;
  /** Also repeat each deploy, without a change. */
  readonly unchanged?: boolean;
}

export class Deploys {
  readonly #fleet: BenchFleet;
  readonly #peer: DeployRs | undefined;
  readonly #log: (line: string) => void;
  #seeds = 0;

  constructor(fleet: BenchFleet, peer: DeployRs | undefined, log: (line: string) => void) {
    this.#fleet = fleet;
    this.#peer = peer;
    this.#log = log;
  }

  async measure({ contenders, filler, rounds, unchanged }: Plan): Promise<Record<Contender, Figures>> {
    const times = {} as Record<Contender, Times>;
    for (const contender of contenders) times[contender] = { changed: [], unchanged: [], processor: [] };
    for (let round = 1; round <= rounds; round += 1) {
      for (const contender of contenders) {
        const systems = await this.#change(filler, contender);
        const label = `${this.#fleet.hosts.length} hosts, round ${round} of ${rounds}, ${contender}`;
        const changed = await this.#timed(`${label}: changed`, contender, systems);
        times[contender]?.changed.push(changed.seconds);
        times[contender]?.processor.push(changed.processor);
        if (unchanged && contender !== "raw") {
          const again = await this.#timed(`${label}: no change`, contender, systems);
          times[contender]?.unchanged.push(again.seconds);
        }
      }
    }
    return Object.fromEntries(
      Object.entries(times).map(([contender, { changed, unchanged: again, processor }]) => [
        contender,
        { changed: median(changed), unchanged: median(again), processor: median(processor) },
      ]),
    ) as Record<Contender, Figures>;
  }

  /** Seconds of one `ssh HOST true` for each host, in parallel. */
  async connect(): Promise<number> {
    const { hosts, directory } = this.#fleet;
    const input = pairs(hosts, []);
    return (await this.#fleet.inDriver(connectArgv(hosts.length, sshOptions(directory)), { input })).seconds;
  }

  /** Builds a new closure of the same size for every host; the build is not measured. */
  async #change(filler: Omit<Filler, "seed">, contender: Contender): Promise<readonly string[]> {
    this.#seeds += 1;
    this.#fleet.write({ ...filler, seed: `${this.#fleet.hosts.length}-${this.#seeds}` });
    const systems = await this.#fleet.build();
    if (contender === "deploy-rs") await this.#peer?.prepare();
    return systems;
  }

  async #timed(
    label: string,
    contender: Contender,
    systems: readonly string[],
  ): Promise<{ readonly seconds: number; readonly processor: number }> {
    await this.#fleet.waitIdle();
    const before = this.#fleet.processor();
    const finished = await this.#deploy(contender, systems);
    const onHosts = this.#fleet.processor() - before;
    const here = finished.processor - onHosts;
    const spent = `processor: ${here.toFixed(1)} s here, ${onHosts.toFixed(1)} s on the hosts`;
    this.#log(`${label}: ${finished.seconds.toFixed(2)} s (${spent})`);
    await this.#verify(systems);
    return { seconds: finished.seconds, processor: finished.processor };
  }

  #deploy(contender: Contender, systems: readonly string[]): Promise<Finished> {
    const { hosts, directory } = this.#fleet;
    const ssh = sshOptions(directory);
    switch (contender) {
      case "ours":
        return this.#fleet.up();
      case "ours with preview":
        return this.#fleet.pulumi(["up", "--yes", "--suppress-outputs"]);
      case "raw":
        return this.#fleet.inDriver(rawArgv(hosts.length, ssh), {
          input: pairs(hosts, systems),
          env: { ...this.#fleet.env, NIX_SSHOPTS: ssh.join(" ") },
        });
      case "deploy-rs": {
        if (this.#peer === undefined) throw new Error("deploy-rs is not installed");
        return this.#peer.deploy();
      }
    }
  }

  /** Throws unless every host runs the deployed system. */
  async #verify(systems: readonly string[]): Promise<void> {
    const { hosts, directory } = this.#fleet;
    const input = pairs(hosts, systems);
    const { stdout } = await this.#fleet.inDriver(runningArgv(hosts.length, sshOptions(directory)), {
      input,
    });
    const wrong = input.split("\n").filter((line) => line !== "" && !stdout.split("\n").includes(line));
    if (wrong.length > 0) throw new Error(`hosts that do not run the deployed system:\n${wrong.join("\n")}`);
  }
}
