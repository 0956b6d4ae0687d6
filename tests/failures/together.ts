/**
 * Rows of the table that share runs of `pulumi up`. Each row breaks its own host and is written as if
 * it were alone; a run begins when every unfinished row has requested one. Rows of the same host run
 * one after another.
 */
import type { DeployResult } from "../../deployer/protocol/result.ts";
import type { StackOutputs } from "../../outputs/contract.ts";
import { excerpt, type Finished } from "../sandbox/sandbox.ts";
import {
  all,
  type Edit,
  type HostState,
  nothing,
  type Rehearsal,
  ROW_TIMEOUT_MS,
  type Run,
} from "./rehearsal.ts";
import { summaries } from "./run.ts";

export interface Row {
  /** The row's title in the table. */
  readonly title: string;
  readonly host: string;
  readonly act: (row: RowContext) => Promise<void>;
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

/** A run that rows share, and queries after its end; each query is made once for all rows. */
export class SharedRun {
  readonly run: Run;
  readonly outputs: () => Promise<StackOutputs>;
  readonly hostsToChange: () => Promise<string[]>;
  readonly preview: () => Promise<Finished>;
  readonly state: () => Promise<Exported>;

  constructor(fleet: Rehearsal, run: Run) {
    this.run = run;
    const ended = <T>(ask: () => Promise<T>) => once(() => run.end.then(ask));
    // One after another: Pulumi refuses a preview and an export at the same time.
    const outputs = ended(() => fleet.outputs());
    const state = once(async () => {
      await outputs();
      const { output } = await fleet.pulumi("stack", "export");
      return JSON.parse(output.slice(output.indexOf("{"))) as Exported;
    });
    const wouldChange = once(async () => {
      await state();
      return fleet.hostsToChange();
    });
    this.outputs = outputs;
    this.state = state;
    this.hostsToChange = wouldChange;
    this.preview = once(async () => {
      await wouldChange();
      return fleet.pulumi("preview", "--color", "never");
    });
  }

  /** The deploy's result, from the state. */
  async result(host: string): Promise<DeployResult> {
    const { resources } = (await this.state()).deployment;
    const stdout = resources.find(({ urn }) => urn.endsWith(`::${host}-deploy`))?.outputs?.stdout;
    return JSON.parse(String(stdout)) as DeployResult;
  }
}

/** A row's access to its host and runs. */
export class RowContext {
  readonly fleet: Rehearsal;
  readonly host: string;
  readonly #join: (edit: Edit) => Promise<SharedRun>;
  /** Resolves when every other row has finished its part between two runs: before checks of all hosts. */
  readonly othersReady: () => Promise<void>;

  constructor(
    fleet: Rehearsal,
    host: string,
    join: (edit: Edit) => Promise<SharedRun>,
    others: () => Promise<void>,
  ) {
    this.fleet = fleet;
    this.host = host;
    this.#join = join;
    this.othersReady = others;
  }

  /** Starts the next run, which alone includes `edit`. Resolves when it has begun. */
  begin(edit: Edit): Promise<SharedRun> {
    return this.#join(edit);
  }

  /** Waits for the end of the next run. */
  async up(edit: Edit): Promise<SharedRun> {
    const shared = await this.#join(edit);
    await shared.run.end;
    return shared;
  }

  hostState(): Promise<HostState> {
    return this.fleet.hostState(this.host);
  }

  /**
   * The host's result, such as "rolled-back at health": its summary line, outputs and state agree, and
   * name the running system. Each of `names` matches the run's text about this host.
   */
  async expectEnd(shared: SharedRun, end: string, ...names: readonly RegExp[]): Promise<void> {
    const { host, fleet } = this;
    const { output, code } = await shared.run.end;
    const reported = summaries(output);
    const line = reported.get(host)?.[0]?.trim() ?? "";
    if (!line.startsWith(`${host}: ${end}`)) {
      throw new Error(`expected "${host}: ${end}"; the run's output (exit ${code}):\n${excerpt(output)}`);
    }
    expect(reported.has(`${host} again`)).toBe(false);
    const own = reported.get(host)?.join("\n") ?? "";
    for (const text of names) expect(own).toMatch(text);
    const outcome = /^[a-z-]+/.exec(end)?.[0];
    const published = (await shared.outputs()).hosts[host];
    const result = await shared.result(host);
    expect([host, published?.outcome, result.outcome]).toEqual([host, outcome, outcome]);
    if (published?.closure !== undefined) expect(published.closure).toBe(await fleet.running(host));
    if (result.running !== undefined) expect(result.running).toBe(published?.closure);
  }

  /**
   * The host has rolled back with all its units, everything reports it, and the next `up` would try
   * again.
   */
  async expectRolledBack(
    shared: SharedRun,
    before: HostState,
    end: string,
    ...names: readonly RegExp[]
  ): Promise<void> {
    await this.expectEnd(shared, end, ...names);
    expect((await shared.run.end).code).toBeGreaterThan(0);
    await this.fleet.waitRolledBack(this.host, before);
    expect((await shared.outputs()).hosts[this.host]?.closure).toBe(before.running);
    expect(await shared.hostsToChange()).toContain(this.host);
  }
}

/** A row that breaks its host in one run and expects a rollback. */
export const rollbackRow = (
  title: string,
  host: string,
  edit: Edit,
  end: string,
  ...names: readonly RegExp[]
): Row => ({
  title,
  host,
  act: async (row) => {
    const before = await row.hostState();
    await row.expectRolledBack(await row.up(edit), before, end, ...names);
  },
});

interface Waiting {
  readonly edit: Edit;
  readonly go: (shared: SharedRun) => void;
}

/** PANTHEROS_ROWS: a regular expression that selects rows. */
const SELECTED = new RegExp(process.env["PANTHEROS_ROWS"] || "");
export const isSelected = (row: string): boolean => SELECTED.test(row);

/** Declares the tests of rows; `prefix` comes before the command of their runs. */
export function describeRows(
  fleet: Rehearsal,
  theme: string,
  allRows: readonly Row[],
  prefix: () => Promise<readonly string[]> = async () => [],
): void {
  describe(theme, () => {
    const rows = allRows.filter(({ title }) => isSelected(title));
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
        fleet.replaceEdit(all(nothing, ...joined.map(({ edit }) => edit)));
        const shared = new SharedRun(fleet, fleet.start(before));
        for (const { go } of joined) go(shared);
      };
      const join = (edit: Edit) =>
        new Promise<SharedRun>((go) => {
          waiting.push({ edit, go });
          beginWhenAll();
        });
      const othersReady = () =>
        new Promise<void>((go) => {
          pausing.push(go);
          beginWhenAll();
        });
      const runRows = async (host: string) => {
        const row = new RowContext(fleet, host, join, othersReady);
        for (const { title, act } of rows.filter((one) => one.host === host)) {
          await act(row).catch(async (error) => {
            failed.set(title, error);
            // For the rows that follow.
            await fleet.operate(host, "start", "plug", "free").catch(() => undefined);
            await fleet.openGate(host).catch(() => undefined);
          });
        }
        active -= 1;
        beginWhenAll();
      };
      await Promise.all(hosts.map(runRows));
    }, 3 * ROW_TIMEOUT_MS);

    for (const { title } of rows) {
      test(title, () => {
        if (failed.has(title)) throw failed.get(title);
      });
    }

    test(`${theme}: repaired, the next up converges every host, and the preview after it shows no change`, async () => {
      await fleet.repair();
    });
  });
}
