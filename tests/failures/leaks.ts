/**
 * A host's output during a failing deploy may contain its secrets; a run's output, outputs and state
 * may not.
 */
import { onMachine, onRunner } from "../sandbox/search.ts";
import { all, check, fault } from "./rehearsal.ts";
import type { Row, RowContext, SharedRun } from "./together.ts";

const delivered = "/var/lib/pantheros/secrets/opnix-token";

async function expectNoLeak(row: RowContext, shared: SharedRun, secret: string): Promise<void> {
  const { fleet } = row;
  const texts = [
    (await shared.run.end).output,
    JSON.stringify(await shared.outputs()),
    JSON.stringify(await shared.state()),
    (await shared.preview()).output,
    (await fleet.onMachine(row.host, "cat /var/lib/pantheros/last /var/lib/pantheros/health")).output,
  ];
  for (const text of texts) expect(text.includes(secret)).toBe(false);
  expect(await onRunner(fleet, secret)).toEqual([]);
  expect(await onMachine(fleet, secret, row.host)).toEqual([]);
}

const leak = (what: string, edit: (text: string) => string, end: string, shows: RegExp): Row => ({
  title: `${what} prints a secret of its host: the old system is back, and the secret is in no output, state or log`,
  host: "web",
  act: async (row) => {
    const before = await row.hostState();
    const secret = (await row.fleet.onMachine("web", `cat ${delivered}`)).output.trim();
    expect(secret.length).toBeGreaterThan(15);
    const shared = await row.up(edit);
    await row.expectRolledBack(shared, before, end, shows);
    await expectNoLeak(row, shared, secret);
  },
});

export const leaks: readonly Row[] = [
  leak(
    "an activation script",
    fault("web", 'activation = "tell"'),
    "rolled-back at activate",
    // Something was printed, and redacted.
    /\*\*\*/,
  ),
  leak(
    "a health check's command",
    all(
      fault("web", "health_seconds = 3"),
      check("web", "talks", "command", `command = "cat ${delivered}; exit 1"`),
    ),
    "rolled-back at health",
    /talks \(command .*\*\*\*/s,
  ),
];
