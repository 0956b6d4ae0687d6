/**
 * Rows of the table that share their runs of `pulumi up`: each row breaks a host of its own and tells its story as if it
 * were alone; a run begins when every row that is not at its end has asked for one. Rows of one host follow one another.
 */
import type { DeployResult } from "../../deployer/protocol/result.ts";
import type { StackOutputs } from "../../outputs/contract.ts";
import { ending, type Finished } from "../sandbox/sandbox.ts";
import { all, type Edit, generous, type Moment, nothing, type Rehearsal, type Run } from "./rehearsal.ts";
import { summaries } from "./run.ts";

export interface Story {
  /** In the table's words. */
  readonly row: string;
  readonly host: string;
  readonly act: (part: Part) => Promise<void>;
}

/** The state of a stack, as `pulumi stack export` prints it. */
interface Exported {
  readonly deployment: {
    readonly resources: readonly { readonly urn: string; readonly outputs?: { readonly stdout?: unknown } }[];
  };
}

const once = <T>(ask: () => Promise<T>): (() => Promise<T>) => {
  let answer: Promise<T> | undefined;
  return () => {
    answer ??= ask();
    return answer;
  };
};

/** A run that rows share, and what can be asked after its end; asked once for all of them. */
export class Joint {
  readonly run: Run;
  readonly outputs: () => Promise<StackOutputs>;
  readonly wouldChange: () => Promise<string[]>;
  readonly preview: () => Promise<Finished>;
  readonly state: () => Promise<Exported>;

  constructor(fleet: Rehearsal, run: Run) {
    this.run = run;
    const ended = <T>(ask: () => Promise<T>) => once(() => run.end.then(ask));
    // One of Pulumi's commands after the other: a preview and an export would be refused beside each other.
    const outputs = ended(() => fleet.outputs());
    const state = once(async () => {
      await outputs();
      const { output } = await fleet.pulumi("stack", "export");
      return JSON.parse(output.slice(output.indexOf("{"))) as Exported;
    });
    const wouldChange = once(async () => {
      await state();
      return fleet.wouldChange();
    });
    this.outputs = outputs;
    this.state = state;
    this.wouldChange = wouldChange;
    this.preview = once(async () => {
      await wouldChange();
      return fleet.pulumi("preview", "--color", "never");
    });
  }

  /** The result in the state, which is what the deploy printed. */
  async result(host: string): Promise<DeployResult> {
    const { resources } = (await this.state()).deployment;
    const stdout = resources.find(({ urn }) => urn.endsWith(`::${host}-deploy`))?.outputs?.stdout;
    return JSON.parse(String(stdout)) as DeployResult;
  }
}

/** What a row does with its host. */
export class Part {
  readonly fleet: Rehearsal;
  readonly host: string;
  readonly #join: (edit: Edit) => Promise<Joint>;
  /** Resolves when every other row has done what it does between two runs: before a look at all hosts. */
  readonly others: () => Promise<void>;

  constructor(
    fleet: Rehearsal,
    host: string,
    join: (edit: Edit) => Promise<Joint>,
    others: () => Promise<void>,
  ) {
    this.fleet = fleet;
    this.host = host;
    this.#join = join;
    this.others = others;
  }

  /** The next run; `edit` is in it and in no later one. Resolves when it has begun. */
  begin(edit: Edit): Promise<Joint> {
    return this.#join(edit);
  }

  /** The next run, to its end. */
  async up(edit: Edit): Promise<Joint> {
    const joint = await this.#join(edit);
    await joint.run.end;
    return joint;
  }

  moment(): Promise<Moment> {
    return this.fleet.moment(this.host);
  }

  /**
   * How it ended for the host, such as "rolled-back at health": its one summary line, the outputs and the state say so, and
   * name what the host runs. `names` are found in what the run said of this host.
   */
  async expectEnd(joint: Joint, end: string, ...names: readonly RegExp[]): Promise<void> {
    const { host, fleet } = this;
    const { output, code } = await joint.run.end;
    const told = summaries(output);
    const line = told.get(host)?.[0]?.trim() ?? "";
    if (!line.startsWith(`${host}: ${end}`)) {
      throw new Error(`wanted "${host}: ${end}"; the run said (exit ${code}):\n${ending(output)}`);
    }
    expect(told.has(`${host} again`)).toBe(false);
    const own = told.get(host)?.join("\n") ?? "";
    for (const text of names) expect(own).toMatch(text);
    const outcome = /^[a-z-]+/.exec(end)?.[0];
    const published = (await joint.outputs()).hosts[host];
    const result = await joint.result(host);
    expect([host, published?.outcome, result.outcome]).toEqual([host, outcome, outcome]);
    if (published?.closure !== undefined) expect(published.closure).toBe(await fleet.running(host));
    if (result.running !== undefined) expect(result.running).toBe(published?.closure);
  }

  /** The old system is back with all its units, everything says so, and the next `up` would try again. */
  async expectBack(joint: Joint, before: Moment, end: string, ...names: readonly RegExp[]): Promise<void> {
    await this.expectEnd(joint, end, ...names);
    expect((await joint.run.end).code).toBeGreaterThan(0);
    await this.fleet.isBack(this.host, before);
    expect((await joint.outputs()).hosts[this.host]?.closure).toBe(before.running);
    expect(await joint.wouldChange()).toContain(this.host);
  }
}

/** A row that breaks its host in one run and finds the old system back after it. */
export const back = (
  row: string,
  host: string,
  edit: Edit,
  end: string,
  ...names: readonly RegExp[]
): Story => ({
  row,
  host,
  act: async (part) => {
    const before = await part.moment();
    await part.expectBack(await part.up(edit), before, end, ...names);
  },
});

interface Waiting {
  readonly edit: Edit;
  readonly go: (joint: Joint) => void;
}

/** PANTHEROS_ROWS: a regular expression that chooses rows, for work on one of them. */
const chosen = new RegExp(process.env["PANTHEROS_ROWS"] || "");
export const chooses = (row: string): boolean => chosen.test(row);

/** Declares the tests of rows; `prefix` is what their runs are started with. */
export function together(
  fleet: Rehearsal,
  theme: string,
  stories: readonly Story[],
  prefix: () => Promise<readonly string[]> = async () => [],
): void {
  describe(theme, () => {
    const rows = stories.filter(({ row }) => chooses(row));
    const failed = new Map<string, unknown>();

    beforeAll(async () => {
      const before = await prefix();
      const hosts = [...new Set(rows.map(({ host }) => host))];
      let active = hosts.length;
      let runs = 0;
      let waiting: Waiting[] = [];
      const pausing: (() => void)[] = [];
      const beginWhenAll = () => {
        if (active === 0 || waiting.length + pausing.length < active) return;
        if (pausing.length > 0) {
          for (const go of pausing.splice(0)) go();
          return;
        }
        const joined = waiting;
        waiting = [];
        runs += 1;
        process.stderr.write(`${fleet.name}: run ${runs}, for the rows of ${joined.length} hosts\n`);
        fleet.only(all(nothing, ...joined.map(({ edit }) => edit)));
        const joint = new Joint(fleet, fleet.start(before));
        for (const { go } of joined) go(joint);
      };
      const join = (edit: Edit) =>
        new Promise<Joint>((go) => {
          waiting.push({ edit, go });
          beginWhenAll();
        });
      const others = () =>
        new Promise<void>((go) => {
          pausing.push(go);
          beginWhenAll();
        });
      const tell = async (host: string) => {
        const part = new Part(fleet, host, join, others);
        for (const { row, act } of rows.filter((one) => one.host === host)) {
          await act(part).catch(async (error) => {
            failed.set(row, error);
            // For the rows after it.
            await fleet.press(host, "start", "plug", "free").catch(() => undefined);
            await fleet.openGate(host).catch(() => undefined);
          });
        }
        active -= 1;
        beginWhenAll();
      };
      await Promise.all(hosts.map(tell));
    }, 3 * generous);

    for (const { row } of rows) {
      test(row, () => {
        if (failed.has(row)) throw failed.get(row);
      });
    }

    test(`${theme}: mended, the next up converges every host, and the preview after it shows no change`, async () => {
      await fleet.mend();
    });
  });
}
