/** What the checks of several runbooks look at. Each returns what is wrong, one line each. */
import type { World } from "./types.ts";

/** Hosts whose last deploy was not confirmed, or that run a different system than the outputs have. */
export async function unconfirmedHosts(world: World, names: readonly string[]): Promise<readonly string[]> {
  const outputs = await world.outputs();
  if (outputs === undefined) return ["the stack has no outputs"];
  const problems = names.map(async (name) => {
    const host = outputs.hosts[name];
    if (host === undefined) return [`${name}: not in the outputs`];
    if (host.outcome !== "confirmed") return [`${name}: its last deploy is ${host.outcome ?? "unknown"}`];
    const running = await runningSystem(world, name);
    return running === host.closure
      ? []
      : [`${name}: runs ${running || "nothing"}, the outputs have ${host.closure}`];
  });
  return (await Promise.all(problems)).flat();
}

/** The store path that a machine runs; empty when there is no such machine. */
export async function runningSystem(world: World, host: string): Promise<string> {
  const { code, stdout } = await world.onHost(host, "readlink -f /run/current-system");
  return code === 0 ? stdout.trim() : "";
}

/** The first of several checks that finds something; a later one may take long, or needs what an earlier one looks at. */
export async function firstProblems(
  ...checks: readonly (() => Promise<readonly string[]>)[]
): Promise<readonly string[]> {
  for (const check of checks) {
    const problems = await check();
    if (problems.length > 0) return problems;
  }
  return [];
}

/** What a preview would still change. */
export async function remainingChanges(world: World): Promise<readonly string[]> {
  return (await world.changes()).map((change) => `a preview would still change: ${change}`);
}

/** A problem when a command on a host fails. */
export async function failsOn(
  world: World,
  { host, script, problem }: { readonly host: string; readonly script: string; readonly problem: string },
): Promise<readonly string[]> {
  return (await world.onHost(host, script)).code === 0 ? [] : [`${host}: ${problem}`];
}
