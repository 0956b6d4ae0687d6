/** `tools/pulumi rollback`: back to the previous system on purpose, by a pin. See arguments.ts for its words. */

import { loadInventory } from "../../inventory/load.ts";
import { type Plan, planFor } from "../../inventory/plan.ts";
import { oneLine } from "../../lib/sanitize.ts";
import type { Settings } from "../../settings/settings.ts";
import { type Arguments, help, parseArguments, UsageError } from "./arguments.ts";
import { ask, peerOf } from "./ask.ts";
import { type Answer, chosenHosts, decide, Refusal, releasedHosts } from "./decide.ts";
import { Stack } from "./stack.ts";

const say = (line: string) => process.stderr.write(`tools/pulumi rollback: ${oneLine(line, 2000)}\n`);

process.exitCode = await main(process.argv.slice(2));

async function main(words: readonly string[]): Promise<number> {
  try {
    const args = parseArguments(words, process.env["PULUMI_STACK"] || "sandbox");
    if (args === "help") {
      process.stdout.write(help);
      return 0;
    }
    const stack = new Stack(args);
    const settings = stack.settings();
    const plan = planFor(loadInventory(settings.fleetFile), settings.environment);
    const hosts = args.release
      ? release(args, stack, plan, settings)
      : await pin(args, stack, plan, settings);
    const verb = args.release ? "release" : "rollback";
    if (!args.up) say(`the next \`tools/pulumi up --stack ${args.stack}\` acts`);
    const code = args.up ? stack.up(`${verb} ${hosts.join(" ")}`) : 0;
    say(ending(args, hosts, code));
    return code;
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`tools/pulumi rollback: ${error.message}\n\n${help}`);
      return 2;
    }
    const message = error instanceof Error ? error.message : String(error);
    for (const line of message.split("\n")) say(line);
    if (error instanceof Refusal) say("nothing was changed");
    return 1;
  }
}

function release(args: Arguments, stack: Stack, plan: Plan, settings: Settings): string[] {
  const hosts = releasedHosts(plan, args, settings.pins);
  stack.release(hosts);
  for (const host of hosts) say(`${host}: released from ${settings.pins[host]}`);
  return hosts;
}

async function pin(args: Arguments, stack: Stack, plan: Plan, settings: Settings): Promise<string[]> {
  const hosts = chosenHosts(plan, args);
  const outputs = stack.outputs();
  const { probe } = plan.inventory.deploy.seconds;
  say(`asks ${hosts.join(", ")} what was there before (at most ${probe} s)`);
  const answers = await Promise.all(
    hosts.map(
      async (host): Promise<[string, Answer]> => [
        host,
        await ask(peerOf(plan, settings, outputs, host), probe),
      ],
    ),
  );
  const away = plan.hosts.filter(({ reachability }) => reachability === "best-effort");
  const skippable = args.wave === undefined ? [] : away.map(({ name }) => name);
  const { pins, notes } = decide(new Map(answers), settings.pins, skippable);
  if (Object.keys(pins).length > 0) stack.pin(pins);
  for (const note of notes) say(note);
  return hosts;
}

function ending({ release, stack, configFile }: Arguments, hosts: readonly string[], code: number): string {
  const names = hosts.join(" ");
  if (code !== 0) {
    const back = release
      ? "`tools/pulumi up` tries again"
      : `\`tools/pulumi rollback --release ${names}\` gives it up`;
    return `pulumi up ended with ${code}: read its verdict above; ${back}`;
  }
  // A file that was named is somebody's own affair.
  const commit =
    configFile === undefined
      ? `; commit Pulumi.${stack.split("/").at(-1)}.yaml, or a run from elsewhere does the opposite`
      : "";
  return release
    ? `${names}: the flake's again${commit}`
    : `${names}: held there until \`tools/pulumi rollback --release ${names}\`${commit}`;
}
