/** The limits of a fleet beside what was measured. A pure function. */
import { activationSeconds, type BudgetLine, hostBudgets, selfBudgets } from "../../status/budgets.ts";
import type { FleetFacts } from "../../status/detail.ts";

/** The answer of `budgets --json`. Within one version fields are only added. */
export interface BudgetsAnswer {
  readonly schemaVersion: 1;
  readonly stack: string;
  /** Limits of the management itself. */
  readonly management: readonly BudgetLine[];
  /** Limits of deploys; `measured` is that of the slowest host. */
  readonly deploys: readonly BudgetLine[];
  /** Seconds of each host's last deploy from its activation to its confirmation, the longest first. */
  readonly hosts: readonly { readonly name: string; readonly seconds: number }[];
}

/** @param commandSeconds how long this command needed until it had read the outputs */
export function budgetsOf({ status, details, budgets }: FleetFacts, commandSeconds: number): BudgetsAnswer {
  const hosts = details
    .flatMap((detail) => {
      const seconds = activationSeconds(detail);
      return seconds === undefined ? [] : [{ name: detail.status.name, seconds }];
    })
    .sort((a, b) => b.seconds - a.seconds || (a.name < b.name ? -1 : 1));
  const [slowest] = hosts;
  const slowestDetail = details.find((detail) => detail.status.name === slowest?.name);
  const deploys = hostBudgets(budgets, slowestDetail ?? {}).map((line) =>
    slowest === undefined ? line : { ...line, source: `${slowest.name}, the slowest host: ${line.source}` },
  );
  return {
    schemaVersion: 1,
    stack: status.stack,
    management: selfBudgets(budgets, { commandSeconds }),
    deploys,
    hosts,
  };
}
