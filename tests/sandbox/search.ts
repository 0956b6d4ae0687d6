import { readdirSync, readFileSync } from "node:fs";
import { finish, type Sandbox } from "./sandbox.ts";

/** A place where a secret was found and must not be; one line. */
export type Sighting = string;

/**
 * Files below `places` that contain the text. grep reads the pattern from standard input, not from its
 * command line.
 */
async function inFiles(needle: string, places: readonly string[]): Promise<Sighting[]> {
  const { output } = await finish(["grep", "-rlsF", "-f", "-", ...places], 120, {}, `${needle}\n`);
  return output
    .split("\n")
    .filter(Boolean)
    .map((file) => `file ${file}`);
}

/**
 * Watches the command lines of all processes until the returned function is called.
 * @returns a function that stops the watch and returns the command lines that contained the text.
 */
export function watchProcesses(needle: string): () => Sighting[] {
  const seen = new Set<string>();
  const look = () => {
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, "utf8");
        if (words.includes(needle)) seen.add(`process ${words.replaceAll("\0", " ").slice(0, 200)}`);
      } catch {
        // it has ended already
      }
    }
  };
  const timer = setInterval(look, 5);
  return () => {
    clearInterval(timer);
    look();
    return [...seen];
  };
}

/** Files on the runner: the stack's state, the logs, recorded runs, the control centre's database, and the vendors' databases with the user data. */
export const onRunner = (sandbox: Sandbox, needle: string): Promise<Sighting[]> =>
  inFiles(
    needle,
    ["pulumi", "logs", "vendors", "site", "project", "state", "Pulumi.sandbox.yaml"].map((place) =>
      sandbox.file(place),
    ),
  );

/** The Nix stores: the runner's share of the hosts' closures, and each machine's own store. */
export async function inStores(
  sandbox: Sandbox,
  needle: string,
  closures: readonly string[],
  machines: readonly string[],
): Promise<Sighting[]> {
  const list = await sandbox.run(["tools/with", "nix", "path-info", "--recursive", ...closures], 60);
  const paths = list.output.split("\n").filter((line) => line.startsWith("/nix/store/"));
  if (paths.length === 0) throw new Error(list.output);
  const stores = machines.map((machine) => sandbox.file("machines", machine, "upper", "nix", "store"));
  return inFiles(needle, [...paths, ...stores]);
}

/** What every user of a machine can read: the journal, logs, the vendor's data, world-readable files. */
export async function onMachine(sandbox: Sandbox, needle: string, machine: string): Promise<Sighting[]> {
  const script = `n=$(cat)
journalctl --no-pager -q 2>/dev/null | grep -qF -- "$n" && echo journal
grep -rlsF -- "$n" /var/log /run/log /etc /tmp
true`;
  const { output } = await sandbox.onMachine(machine, script, needle);
  return output
    .split("\n")
    .filter(Boolean)
    .map((place) => `${machine}: ${place}`);
}
