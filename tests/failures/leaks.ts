/** What a host prints while a deploy fails may hold its secrets; what a run says, publishes and keeps may not. */
import { onMachine, onRunner } from "../sandbox/search.ts";
import { all, check, fault } from "./rehearsal.ts";
import type { Joint, Part, Story } from "./together.ts";

const delivered = "/var/lib/pantheros/secrets/opnix-token";

async function expectNoLeak(part: Part, joint: Joint, secret: string): Promise<void> {
  const { fleet } = part;
  const said = [
    (await joint.run.end).output,
    JSON.stringify(await joint.outputs()),
    JSON.stringify(await joint.state()),
    (await joint.preview()).output,
    (await fleet.inside(part.host, "cat /var/lib/pantheros/last /var/lib/pantheros/health")).output,
  ];
  for (const text of said) expect(text.includes(secret)).toBe(false);
  expect(await onRunner(fleet, secret)).toEqual([]);
  expect(await onMachine(fleet, secret, part.host)).toEqual([]);
}

const leak = (what: string, edit: (text: string) => string, end: string, shows: RegExp): Story => ({
  row: `${what} prints a secret of its host: the old system is back, and the secret is in no output, state or log`,
  host: "web",
  act: async (part) => {
    const before = await part.moment();
    const secret = (await part.fleet.inside("web", `cat ${delivered}`)).output.trim();
    expect(secret.length).toBeGreaterThan(15);
    const joint = await part.up(edit);
    await part.expectBack(joint, before, end, shows);
    await expectNoLeak(part, joint, secret);
  },
});

export const leaks: readonly Story[] = [
  leak(
    "an activation script",
    fault("web", 'activation = "tell"'),
    "rolled-back at activate",
    // Something was printed, and taken out.
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
