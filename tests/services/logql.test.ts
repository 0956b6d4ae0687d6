import { evaluate } from "../unit/nix/nix.ts";
import { program } from "./programs.ts";

interface Parser {
  parse(text: string): {
    iterate(spec: {
      enter(node: { readonly type: { readonly isError: boolean }; readonly from: number }): void;
    }): void;
  };
}

/** Places in a query that Grafana's grammar of LogQL does not accept. */
async function errorsIn(query: string): Promise<readonly string[]> {
  const { parser } = (await import(program("logql"))) as { parser: Parser };
  const errors: string[] = [];
  parser.parse(query).iterate({
    enter({ type, from }) {
      if (type.isError) errors.push(`${query.slice(0, from)}‸${query.slice(from)}`);
    },
  });
  return errors;
}

const alerts = (
  evaluate('import (nix + "/modules/services/monitoring/log-rules.nix") { hosts = ["web" "db"]; }') as {
    rules: { expr: string }[];
  }[]
).flatMap(({ rules }) => rules.map(({ expr }) => expr));
const panels = Object.values(
  evaluate(
    'import (nix + "/modules/services/monitoring/dashboards.nix") { cacheName = "cache.example.test"; }',
  ) as Record<string, { panels: { datasource: { type: string }; targets: { expr: string }[] }[] }>,
)
  .flatMap((dashboard) => dashboard.panels)
  .filter(({ datasource }) => datasource.type === "loki")
  .flatMap(({ targets }) => targets.map(({ expr }) => expr));

test("every query on logs, of alerts and of panels, is LogQL", async () => {
  expect([alerts.length, panels.length]).toEqual([4, 4]);
  for (const query of [...alerts, ...panels]) expect(await errorsIn(query)).toEqual([]);
});

test.each([
  ["an unknown filter", "|~", "|~~"],
  ["a selector that is not closed", "}", ""],
  ["an unknown function", "count_over_time", "count_over_tim"],
  ["a range without its unit", "[10m]", "[10]"],
])("%s in an alert is refused", async (_, good, bad) => {
  const [alert = ""] = alerts;
  expect(alert).toContain(good);
  expect(await errorsIn(alert.replace(good, bad))).not.toEqual([]);
});
