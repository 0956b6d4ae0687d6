/** `pantheros changed-hosts`: the hosts whose systems differ from those of a revision, without building anything. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { extractRevision, flakeDirectory } from "../../deployer/checkout.ts";
import { loadInventory } from "../../inventory/load.ts";
import { pathReference } from "../../lib/flake-reference.ts";
import { RunError } from "../../lib/run-error.ts";
import { type Settings, settingsFrom } from "../../settings/settings.ts";
import { type ChangedHost, compareSystems, type Systems } from "./compare.ts";
import { type FleetHost, systemsOf } from "./systems.ts";

export interface ChangedHostsOptions {
  /** A revision of Git; undefined: every host counts as changed. */
  readonly base?: string | undefined;
  readonly json?: boolean;
}

/** The answer of `--json`. Within one version fields are only added. */
interface Answer {
  readonly schemaVersion: 1;
  /** Commit that was compared with. */
  readonly base?: string;
  readonly changed: readonly ChangedHost[];
  readonly unchanged: readonly string[];
}

/** Hosts that the flake has systems of. */
const hostsOf = ({ fleetFile }: Settings): FleetHost[] =>
  Object.entries(loadInventory(fleetFile).hosts)
    .filter(([, { decommission }]) => decommission === undefined)
    .map(([name, { system, formerly, provider }]) => ({
      name,
      system,
      formerly,
      isImage: provider.kind === "image",
    }));

/** Writes the flake's files of the base to a directory of their own and evaluates them; without a flake there is no host. */
async function baseSystems(
  base: string,
  flake: string,
  evaluateFlake: (flake: string, title: string) => Promise<Systems>,
): Promise<{ readonly commit: string; readonly systems: Systems }> {
  const directory = flakeDirectory(flake);
  if (directory === undefined)
    throw new RunError(`${flake} is not a local directory, so it has no earlier revision`);
  const scratch = mkdtempSync(path.join(tmpdir(), "pantheros-base-"));
  try {
    const { commit, hasDirectory } = await extractRevision(directory, base, scratch);
    const systems = hasDirectory
      ? await evaluateFlake(pathReference(scratch), commit.slice(0, 12))
      : new Map<string, string>();
    return { commit, systems };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** A line for each changed host. */
function text({ base, changed, unchanged }: Answer): string {
  const since = base === undefined ? "" : ` since ${base.slice(0, 12)}`;
  const head = `${changed.length} of ${changed.length + unchanged.length} hosts changed${since}`;
  return [head, ...changed.map(({ host, system, reason }) => `  ${host} (${system}): ${reason}`), ""].join(
    "\n",
  );
}

async function compare(base: string | undefined, settings: Settings, root: string): Promise<Answer> {
  const hosts = hostsOf(settings);
  if (base === undefined) {
    const changed = hosts.map(({ name, system }) => ({ host: name, system, reason: "there is no base" }));
    return { schemaVersion: 1, changed, unchanged: [] };
  }
  const evaluateFlake = (flake: string, title: string) =>
    systemsOf({ flake, hosts, settings, checkout: root, title });
  const { commit, systems } = await baseSystems(base, settings.flake, evaluateFlake);
  const head = await evaluateFlake(settings.flake, "the checkout");
  return { schemaVersion: 1, base: commit, ...compareSystems(hosts, head, systems) };
}

/** @returns the exit code */
export async function printChangedHosts({ base, json }: ChangedHostsOptions, root: string): Promise<number> {
  // Paths in the settings are relative to the project, as in the Pulumi program.
  process.chdir(root);
  // The whole inventory, whatever stack owns a host.
  const settings = settingsFrom({
    stack: "sandbox",
    get: () => undefined,
    env: (name) => process.env[name],
  });
  const answer = await compare(base, settings, root);
  process.stdout.write(json === true ? `${JSON.stringify(answer)}\n` : text(answer));
  return 0;
}
