/** The limits of `[budgets]` beside what was measured. Pure functions. */
import type { Inventory } from "../inventory/schema.ts";
import type { HostDetail } from "./detail.ts";

export type Budgets = NonNullable<Inventory["budgets"]>;

export interface BudgetLine {
  /** Key of `[budgets]`, such as `change_seconds`. */
  readonly name: string;
  /** What the limit is for. */
  readonly title: string;
  readonly unit: "s" | "MB" | "%";
  readonly limit: number;
  /** Absent: not measured here. */
  readonly measured?: number;
  /** What was measured, or what measures it. */
  readonly source: string;
}

/** What the process of a control centre measured of itself; an absent field is unknown. */
export interface SelfMeasured {
  /** Seconds from its start until it had read the outputs. */
  readonly commandSeconds?: number;
  /** Resident memory in MB (10^6 bytes). */
  readonly memoryMb?: number;
  /** Processor time since its start, in percent of one processor. */
  readonly cpuPercent?: number;
}

export const isOver = ({ measured, limit }: BudgetLine): boolean =>
  measured !== undefined && measured > limit;

/** A line; nothing when the inventory has no such limit. */
function lineOf(
  line: Omit<BudgetLine, "limit" | "measured">,
  limit: number | undefined,
  measured: number | undefined,
): BudgetLine[] {
  return limit === undefined ? [] : [{ ...line, limit, ...(measured !== undefined && { measured }) }];
}

/**
 * Seconds from the start of the last deploy's activation to its confirmation, with health checks, and without what came
 * before: build and copy. Undefined: the last deploy activated nothing.
 */
export function activationSeconds({ seconds }: Pick<HostDetail, "seconds">): number | undefined {
  const activate = seconds?.["activate"];
  if (activate === undefined) return undefined;
  return Math.round((activate + (seconds?.["confirm"] ?? 0)) * 10) / 10;
}

/** The limits of a host's deploys, and how long its last one took. */
export function hostBudgets(budgets: Budgets | undefined, detail: Pick<HostDetail, "seconds">): BudgetLine[] {
  const measured = activationSeconds(detail);
  const source = "activation and confirmation of the last deploy";
  return [
    ...lineOf(
      { name: "change_seconds", title: "A change of configuration", unit: "s", source },
      budgets?.changeSeconds,
      measured,
    ),
    ...lineOf(
      { name: "update_seconds", title: "An update", unit: "s", source },
      budgets?.updateSeconds,
      measured,
    ),
  ];
}

/** The limits of the management itself. */
export function selfBudgets(budgets: Budgets | undefined, self: SelfMeasured): BudgetLine[] {
  const elsewhere = "make bench measures it";
  const unmeasured = "the control centre does not measure it";
  return [
    ...lineOf(
      {
        name: "command_seconds",
        title: "A simple command",
        unit: "s",
        source:
          self.commandSeconds === undefined
            ? elsewhere
            : "start of this command until it had read the outputs of the last run",
      },
      budgets?.commandSeconds,
      self.commandSeconds,
    ),
    ...lineOf(
      {
        name: "memory_mb",
        title: "Memory of the permanent services",
        unit: "MB",
        source: self.memoryMb === undefined ? elsewhere : "this control centre, now",
      },
      budgets?.memoryMb,
      self.memoryMb,
    ),
    ...lineOf(
      {
        name: "cpu_percent",
        title: "Processor time of the permanent services",
        unit: "%",
        source: self.cpuPercent === undefined ? elsewhere : "this control centre, since its start",
      },
      budgets?.cpuPercent,
      self.cpuPercent,
    ),
    ...lineOf(
      { name: "storage_mb", title: "Disk space of the management", unit: "MB", source: unmeasured },
      budgets?.storageMb,
      undefined,
    ),
    ...lineOf(
      { name: "hardware_scan_seconds", title: "A full scan of the hardware", unit: "s", source: unmeasured },
      budgets?.hardwareScanSeconds,
      undefined,
    ),
  ];
}
