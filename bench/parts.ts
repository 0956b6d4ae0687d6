/** The measurements, their order, and the rows of the table. */
import type { Steps } from "../sandbox/cli/steps.ts";
import type { DeployRs } from "./deploy-rs.ts";
import { type Contender, Deploys, type Figures } from "./deploys.ts";
import { EmptyProgram } from "./empty.ts";
import type { BenchFleet } from "./fleet.ts";
import { measureRollback } from "./rollback.ts";
import { type Growth, median, type Row, seconds } from "./table.ts";

export const parts = {
  ten: "deploys of a changed closure (50 MB in 200 paths) and of no change, 10 hosts, against deploy-rs and plain commands",
  preview: "previews without a change, 5 and 100 hosts, and their memory",
  hundred: "deploys of a changed closure (5 MB in 20 paths), 100 hosts, against plain commands",
  links:
    "deploys of a changed closure (50 MB in 200 paths) over links of 100 Mbit/s with an activation of 3 s, 10 and 25 hosts, against deploy-rs and plain commands",
  growth: "the same figures for each fleet size of --sizes",
  status: "`pantheros status`, 3 hosts, against the same question by plain ssh and a preview",
  rollback: "time from a failed health check to the first answer of the old system",
} as const;
export type Part = keyof typeof parts;

export interface Wanted {
  readonly parts: ReadonlySet<Part>;
  readonly fleet: BenchFleet;
  readonly peer: DeployRs | undefined;
  readonly rounds: number;
  readonly sizes: readonly number[];
  readonly steps: Steps;
}

export interface Measured {
  readonly rows: readonly Row[];
  readonly columns: readonly string[];
  readonly growth: readonly Growth[];
}

const BIG = { paths: 200, bytes: 250_000 };
const SMALL = { paths: 20, bytes: 250_000 };
const MANY_HOSTS = 100;
const LINK_HOSTS = [10, 25];
const STATUS_HOSTS = 3;
/** deploy-rs deploys host after host; larger fleets would take too long. */
const MAX_PEER_HOSTS = 25;

const COLUMNS = {
  connect: "`ssh HOST true`, in parallel",
  preview: "preview, no change",
  up: "up, no change",
  ours: "up, changed",
  withPreview: "up with preview, changed",
  raw: "raw limit, changed",
  peer: "deploy-rs, changed",
} as const;

export async function measure(wanted: Wanted): Promise<Measured> {
  const { fleet, peer, rounds, steps } = wanted;
  const has = (part: Part) => wanted.parts.has(part);
  const sizes = [
    ...(has("growth") ? wanted.sizes : []),
    ...(has("ten") ? [10] : []),
    ...(has("links") ? LINK_HOSTS : []),
    ...(has("preview") ? [5, MANY_HOSTS] : []),
    ...(has("hundred") ? [MANY_HOSTS] : []),
    ...(has("status") ? [STATUS_HOSTS] : []),
    ...(has("rollback") ? [1] : []),
  ];
  const rows: Row[] = [];
  const growth: Growth[] = [];
  await steps.run("clean start", () => fleet.begin());
  const empty = new EmptyProgram(fleet);
  await empty.begin();
  const deploys = new Deploys(fleet, peer, steps.log);
  const medianOf = async (name: string, body: () => Promise<number>): Promise<number> => {
    const values: number[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      await fleet.waitIdle();
      values.push(await body());
      steps.log(`${name}, round ${round} of ${rounds}: ${values.at(-1)?.toFixed(2)} s`);
    }
    return median(values);
  };

  // Ascending, since the fleet can only grow.
  for (const size of [...new Set(sizes)].sort((a, b) => a - b)) {
    await steps.run(`${size} hosts`, () => fleet.grow(size));
    const figures: Record<string, number> = {};
    const grows = has("growth") && wanted.sizes.includes(size);

    if (grows || (has("preview") && (size === 5 || size === MANY_HOSTS))) {
      const bare = await medianOf("empty program's preview", async () => (await empty.preview()).seconds);
      const connect = await medianOf(`${size} hosts: ssh true`, () => deploys.connect());
      const preview = await medianOf(`${size} hosts: preview`, async () => (await fleet.preview()).seconds);
      figures[COLUMNS.connect] = connect;
      figures[COLUMNS.preview] = preview;
      if (has("preview") && size === 5) rows.push(fivePreview(preview, bare));
      if (has("preview") && size === MANY_HOSTS) {
        const { memory } = await fleet.preview({ memory: true });
        rows.push(manyPreview(preview, bare, connect), previewMemory(memory));
      }
    }
    if (has("status") && size === STATUS_HOSTS) {
      const status = await medianOf("status", async () => (await fleet.status()).seconds);
      const connect = await medianOf("ssh true", () => deploys.connect());
      const preview = await medianOf("preview", async () => (await fleet.preview()).seconds);
      rows.push(...statusRows(status, connect, preview));
    }
    if (has("ten") && size === 10) {
      const contenders: Contender[] = [
        "ours",
        "ours with preview",
        "raw",
        ...(peer ? (["deploy-rs"] as const) : []),
      ];
      const result = await deploys.measure({ contenders, filler: BIG, rounds, unchanged: true });
      rows.push(...tenRows(result));
    }
    if (has("links") && LINK_HOSTS.includes(size)) {
      // The first deploy of slow hosts is not measured.
      await steps.run("slow links", async () => {
        await fleet.useSlowHosts();
        await fleet.up();
      });
      const contenders: Contender[] = ["ours", "raw", ...(peer ? (["deploy-rs"] as const) : [])];
      rows.push(...linkRows(size, await deploys.measure({ contenders, filler: BIG, rounds })));
      await steps.run("fast links", async () => {
        await fleet.useFastHosts();
        await fleet.up();
      });
    }
    if (grows || (has("hundred") && size === MANY_HOSTS)) {
      const contenders: Contender[] = [
        ...(["ours", "ours with preview", "raw"] as const),
        ...(grows && peer && size <= MAX_PEER_HOSTS ? (["deploy-rs"] as const) : []),
      ];
      const fewer = size === MANY_HOSTS ? Math.min(rounds, 2) : rounds;
      const result = await deploys.measure({ contenders, filler: SMALL, rounds: fewer, unchanged: grows });
      figures[COLUMNS.up] = result.ours.unchanged;
      figures[COLUMNS.ours] = result.ours.changed;
      figures[COLUMNS.withPreview] = result["ours with preview"].changed;
      figures[COLUMNS.raw] = result.raw.changed;
      figures[COLUMNS.peer] = result["deploy-rs"]?.changed ?? Number.NaN;
      if (has("hundred") && size === MANY_HOSTS) rows.push(hundredRow(result));
    }
    if (has("rollback") && size === Math.min(...sizes)) {
      rows.push(await steps.run("rollback", () => measureRollback(fleet, rounds, steps.log)));
    }
    if (grows) growth.push({ hosts: size, figures });
  }
  return { rows, growth, columns: Object.values(COLUMNS) };
}

type Results = Record<Contender, Figures>;
const versus = (names: string, ...values: number[]): string => `${names}: ${values.map(seconds).join(", ")}`;

/** Seconds of each, and the ratio of processor times, which does not depend on other load. */
const against = (names: string, ours: Figures, other: Figures): string =>
  `${versus(names, ours.changed, other.changed)}; ${(ours.processor / other.processor).toFixed(2)} times the processor time`;

function tenRows(result: Results): Row[] {
  const { ours, raw, "ours with preview": both, "deploy-rs": peer } = result;
  const row = (what: string, value: number, limit: number, from: string): Row => ({
    what,
    value,
    limit,
    from,
    unit: "times",
  });
  const extra = `with preview ${seconds(both.changed)}`;
  return [
    ...(peer
      ? [
          row(
            "changed closure (50 MB in 200 paths) to 10 hosts, against deploy-rs 1.0.0",
            ours.changed / peer.changed,
            0.4,
            `${against("ours, deploy-rs", ours, peer)}; ${extra}`,
          ),
        ]
      : []),
    row("the same, against the raw limit", ours.changed / raw.changed, 1.5, against("ours, raw", ours, raw)),
    ...(peer
      ? [
          row(
            "no change, 10 hosts, against deploy-rs",
            ours.unchanged / peer.unchanged,
            0.5,
            `${versus("ours, deploy-rs", ours.unchanged, peer.unchanged)}; with preview ${seconds(both.unchanged)}`,
          ),
        ]
      : []),
  ];
}

function linkRows(size: number, { ours, raw, "deploy-rs": peer }: Results): Row[] {
  const what = `changed closure (50 MB in 200 paths) to ${size} hosts, 100 Mbit/s each, activation of 3 s`;
  const row = (versusWhat: string, other: Figures, limit: number, names: string): Row => ({
    what: `${what}, against ${versusWhat}`,
    value: ours.changed / other.changed,
    limit,
    from: against(names, ours, other),
    unit: "times",
  });
  return [
    ...(peer ? [row("deploy-rs 1.0.0", peer, size > 10 ? 0.2 : 0.27, "ours, deploy-rs")] : []),
    row("the raw limit", raw, 1.2, "ours, raw"),
  ];
}

const statusRows = (status: number, connect: number, preview: number): Row[] => [
  {
    what: `status of ${STATUS_HOSTS} hosts`,
    value: status,
    limit: 1,
    unit: "s",
    from: versus("status, `ssh HOST true` in parallel", status, connect),
  },
  {
    what: "the same, against a no-op preview",
    value: status / preview,
    limit: 0.5,
    unit: "times",
    from: versus("status, preview", status, preview),
  },
];

const fivePreview = (preview: number, bare: number): Row => ({
  what: "no-op preview with 5 hosts, minus an empty program's",
  value: preview - bare,
  limit: 1,
  unit: "s",
  from: versus("ours, empty", preview, bare),
});

const manyPreview = (preview: number, bare: number, connect: number): Row => ({
  what: "no-op preview with 100 hosts, minus an empty program's, against 100 parallel `ssh HOST true`",
  value: (preview - bare) / connect,
  limit: 2.5,
  unit: "times",
  from: versus("ours, empty, ssh", preview, bare, connect),
});

const previewMemory = (memory: number): Row => ({
  what: "its peak memory, summed over the run's processes",
  value: memory,
  limit: 1024,
  unit: "MiB",
  from: "resident pages; shared ones count in each process",
});

const hundredRow = ({ ours, raw, "ours with preview": both }: Results): Row => ({
  what: "changed closure (5 MB in 20 paths) to 100 hosts, against the raw limit",
  value: ours.changed / raw.changed,
  limit: 1.25,
  unit: "times",
  from: `${against("ours, raw", ours, raw)}; with preview ${seconds(both.changed)}`,
});
