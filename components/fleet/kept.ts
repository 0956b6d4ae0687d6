/** Hosts that a run's selection leaves out. They keep their systems, results and outputs. */
import * as pulumi from "@pulumi/pulumi";
import { readInstallResult } from "../../deployer/protocol/result.ts";
import type { Plan, PlannedHost } from "../../inventory/plan.ts";
import { isCreated } from "../../inventory/providers.ts";
import { entryOf } from "../../lib/entry-of.ts";
import { firstNames } from "../../lib/names.ts";
import { type HostOutputs, type StackOutputs, stackOutputs } from "../../outputs/contract.ts";
import type { Settings } from "../../settings/settings.ts";
import type { NixosHostArgs } from "../nixos-host/nixos-host.ts";
import type { HostSecret } from "../secrets/secrets.ts";
import { type CommandsByName, commandsIn, readStackState, type StackState } from "../stack-state.ts";
import { isSelected } from "./selection.ts";

export interface KeptHost {
  /** Store path that its last deploy wanted. */
  readonly outPath: string;
  /** Its outputs after the last run. */
  readonly published: HostOutputs | undefined;
  /** Names of the secrets that were delivered to it. A new one waits until the host is selected. */
  readonly secrets: ReadonlySet<string>;
}

/** By host name; empty when the whole stack is selected. */
export type KeptHosts = ReadonlyMap<string, KeptHost>;

/** The outputs of the stack's last run; undefined: it has none that this version can read. */
export function lastOutputs(state: StackState): StackOutputs | undefined {
  const fleet = Object.values(state.outputs).find(({ type }) => type === "pantheros:fleet:Fleet");
  return stackOutputs.safeParse(fleet?.outputs["outputs"]).data;
}

/** Why a host cannot be left out of a run; undefined: it can. */
function obstacle(host: PlannedHost, commands: CommandsByName): string | undefined {
  const { name } = host;
  if (!commands.has(`${name}-deploy`)) return "this stack has never deployed it under this name";
  if (!isCreated(host)) return undefined;
  const { stdout } = commands.get(`${name}-install`) ?? {};
  const { outcome } = readInstallResult(name, typeof stdout === "string" ? stdout : "");
  return outcome === "failed" ? "its installation has not succeeded" : undefined;
}

/** Hosts in the state that the run would remove. */
function leaving({ hosts }: Plan, commands: CommandsByName): string[] {
  const names = new Set(hosts.flatMap(({ name, formerly }) => [name, formerly]));
  return [...commands.keys()]
    .filter((name) => name.endsWith("-deploy"))
    .map((name) => name.slice(0, -"-deploy".length))
    .filter((host) => !names.has(host));
}

/**
 * The hosts that the selection leaves out, from the state.
 * @throws RunError when a host cannot be left out because it is new, renamed, not installed, or
 *   leaves the stack.
 */
export function keptIn(state: StackState, plan: Plan, selection: string | undefined): KeptHosts {
  if (selection === undefined) return new Map();
  const selected = isSelected(plan, selection);
  const commands = commandsIn(state);
  const others = plan.hosts.filter(({ name }) => !selected(name));
  const problems = [
    ...others.flatMap((host) => {
      const reason = obstacle(host, commands);
      return reason === undefined
        ? []
        : [`hosts.${host.name} is not selected, but ${reason}: add it to --on`];
    }),
    ...leaving(plan, commands).map(
      (host) =>
        `hosts.${host} leaves the stack, which a run for selected hosts does not do: run without --on`,
    ),
  ];
  if (problems.length > 0) throw new pulumi.RunError(problems.join("\n"));
  const published = lastOutputs(state)?.hosts ?? {};
  return new Map(
    others.map(({ name }) => {
      const { triggers } = commands.get(`${name}-deploy`) ?? {};
      const outPath = Array.isArray(triggers) ? String(triggers[0]) : "";
      const [before, after] = [`${name}-secret-`, "-delivery"];
      const secrets = [...commands.keys()]
        .filter((resource) => resource.startsWith(before) && resource.endsWith(after))
        .map((resource) => resource.slice(before.length, -after.length));
      return [name, { outPath, published: entryOf(published, name), secrets: new Set(secrets) }];
    }),
  );
}

/** `keptIn` with the stack's state, which is read only when the run has a selection. */
export async function readKeptHosts(plan: Plan, { selection }: Settings): Promise<KeptHosts> {
  if (selection === undefined) return new Map();
  const kept = keptIn(await readStackState(), plan, selection);
  if (kept.size > 0) {
    const names = firstNames([...kept.keys()]);
    void pulumi.log.info(`not selected, so not asked and not deployed to: ${names}`);
  }
  return kept;
}

/**
 * Arguments of a host that is not selected: pinned to the system that its last deploy wanted, and
 * not probed.
 */
export const keptArgs = ({ outPath }: KeptHost): Pick<NixosHostArgs, "pin" | "after" | "held" | "probe"> => ({
  pin: outPath,
  after: [],
  held: [],
  probe: false,
});

/**
 * Secrets to declare for a host. If it is not selected, only those delivered before, without a
 * comparison.
 */
export function secretsToDeliver(
  secrets: readonly HostSecret[],
  host: string,
  unselected: KeptHost | undefined,
): HostSecret[] {
  const own = secrets.filter((secret) => secret.host === host);
  if (unselected === undefined) return own;
  return own.filter(({ name }) => unselected.secrets.has(name)).map((secret) => ({ ...secret, read: false }));
}
