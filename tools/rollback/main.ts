/** `tools/pulumi rollback`: goes back to the previous system with a pin. arguments.ts has the command line. */

import { loadInventory } from "../../inventory/load.ts";
import { type Plan, planFor } from "../../inventory/plan.ts";
import { oneLine } from "../../lib/sanitize.ts";
import type { Settings } from "../../settings/settings.ts";
import { type Arguments, HELP, parseArguments, UsageError } from "./arguments.ts";
import { type Answer, decide, Refusal, selectedHosts, selectedPinnedHosts } from "./decide.ts";
import { Stack } from "./stack.ts";
import { fetchStatus, peerOf } from "./status.ts";

const print = (line: string) => process.stderr.write(`tools/pulumi rollback: ${oneLine(line, 2000)}\n`);

process.exitCode = await main(process.argv.slice(2));

async function main(words: readonly string[]): Promise<number> {
  try {
    const args = parseArguments(words, process.env["PULUMI_STACK"] || "sandbox");
    if (args === "help") {
      process.stdout.write(HELP);
      return 0;
    }
    const stack = new Stack(args);
    const settings = await stack.settings();
    const plan = planFor(loadInventory(settings.fleetFile), settings.environment);
    const hosts = await (args.release ? release : pin)(args, stack, plan, settings);
    const verb = args.release ? "release" : "rollback";
    if (!args.up) print(`the next \`tools/pulumi up --stack ${args.stack}\` applies this`);
    const code = args.up ? stack.up(`${verb} ${hosts.join(" ")}`) : 0;
    print(summary(args, hosts, code));
    return code;
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`tools/pulumi rollback: ${error.message}\n\n${HELP}`);
      return 2;
    }
    const message = error instanceof Error ? error.message : String(error);
    for (const line of message.split("\n")) print(line);
    if (error instanceof Refusal) print("nothing was changed");
    return 1;
  }
}

async function release(args: Arguments, stack: Stack, plan: Plan, settings: Settings): Promise<string[]> {
  const hosts = selectedPinnedHosts(plan, args, settings.pins);
  await stack.release(hosts);
  for (const host of hosts) print(`${host}: released from ${settings.pins[host]}`);
  return hosts;
}

async function pin(args: Arguments, stack: Stack, plan: Plan, settings: Settings): Promise<string[]> {
  const hosts = selectedHosts(plan, args);
  const outputs = await stack.outputs();
  const { probe } = plan.inventory.deploy.seconds;
  print(`asking ${hosts.join(", ")} for the previous system (at most ${probe} s)`);
  const answers = await Promise.all(
    hosts.map(
      async (host): Promise<[string, Answer]> => [
        host,
        await fetchStatus(peerOf(plan, settings, outputs, host), probe),
      ],
    ),
  );
  const bestEffort = plan.hosts.filter(({ reachability }) => reachability === "best-effort");
  const skippable = args.wave === undefined ? [] : bestEffort.map(({ name }) => name);
  const { pins, notes } = decide(new Map(answers), settings.pins, skippable);
  if (Object.keys(pins).length > 0) await stack.pin(pins);
  for (const note of notes) print(note);
  return hosts;
}

function summary({ release, stack, configFile }: Arguments, hosts: readonly string[], code: number): string {
  const names = hosts.join(" ");
  if (code !== 0) {
    const back = release
      ? "`tools/pulumi up` tries again"
      : `\`tools/pulumi rollback --release ${names}\` removes the pins`;
    return `pulumi up ended with ${code}: read its verdict above; ${back}`;
  }
  // With --config-file, the caller decides whether to commit the file.
  const commit =
    configFile === undefined
      ? `; commit Pulumi.${stack.split("/").at(-1)}.yaml, or a run from another checkout undoes this`
      : "";
  return release
    ? `${names}: follows the flake again${commit}`
    : `${names}: pinned until \`tools/pulumi rollback --release ${names}\`${commit}`;
}
