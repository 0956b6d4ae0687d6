/** `pantheros diff`: what differs between two systems of a host. Nothing is built or copied. */
import { readdirSync, readlinkSync } from "node:fs";
import path from "node:path";
import { compareClosures } from "../../deployer/closures/diff.ts";
import { readClosures } from "../../deployer/closures/read.ts";
import { ownUnits, unitChanges } from "../../deployer/closures/units.ts";
import { runProcess } from "../../deployer/process/runner.ts";
import { type SshPeer, sshArgv, sshHint } from "../../deployer/ssh.ts";
import { lastLine } from "../../lib/sanitize.ts";
import { isStorePath } from "../../lib/store-path.ts";
import { EXIT_OK } from "../exit-codes.ts";
import type { StackOptions } from "../stack/name.ts";
import { hostOf, type OpenStack, openStack } from "../stack/open.ts";
import { probeArgsOf } from "../stack/probe-args.ts";
import { fleetOf } from "../status/status.ts";
import { type SystemReference, systemReference } from "./systems.ts";
import { diffText, type SystemDiff } from "./text.ts";

export interface DiffOptions extends StackOptions {
  readonly host: string;
  readonly from: string;
  readonly to: string;
  readonly json?: boolean;
  /** Seconds for everything that is read. */
  readonly timeout: number;
}

/** Profiles of NixOS: nixos/modules of nixpkgs and `nix-env --profile`. */
const PROFILE = "/nix/var/nix/profiles/system";

const UNITS = "etc/systemd/system";

/** A system's list of units is far smaller. */
const MAX_UNIT_BYTES = 4 * 1024 * 1024;

/** The connection of the status; undefined when there is none. */
function peerOf({ plan, settings, outputs }: OpenStack, host: string): SshPeer | undefined {
  const args = probeArgsOf({ plan, settings, outputs }, host, plan.inventory.deploy.seconds.connect);
  if (typeof args === "string") return undefined;
  const { address, port, jumps, user, hostKey, identity, connectSeconds } = args;
  return { host, address, port, jumps, user, pinned: { key: hostKey }, identity, connectSeconds };
}

interface Asked {
  readonly host: string;
  readonly peer: SshPeer | undefined;
  readonly seconds: number;
}

/** @throws Error when the host does not answer, or has no such generation */
async function generationPath({ host, peer, seconds }: Asked, generation: number): Promise<string> {
  if (peer === undefined) throw new Error(`${host}: the stack has never deployed it`);
  const { stdout, stderr, exitCode } = await runProcess({
    argv: sshArgv(peer, ["readlink", "-f", `${PROFILE}-${generation}-link`]),
    timeoutSeconds: seconds,
    ownGroup: false,
  });
  const found = stdout.trim();
  if (exitCode === 0 && isStorePath(found)) return found;
  const reason = lastLine(stderr);
  const hint = sshHint(stderr);
  if (reason === "") throw new Error(`${host}: it has no generation ${generation}`);
  throw new Error(`${host}: ${reason}${hint === undefined ? "" : `; ${hint}`}`);
}

const resolved = async (asked: Asked, reference: SystemReference): Promise<string> =>
  "path" in reference ? reference.path : generationPath(asked, reference.generation);

/** Unit -> where its link leads; undefined when neither this computer nor the host has the system. */
async function unitLinks(
  { peer, seconds }: Asked,
  system: string,
): Promise<Record<string, string> | undefined> {
  const directory = path.join(system, UNITS);
  try {
    const links = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isSymbolicLink());
    return Object.fromEntries(links.map(({ name }) => [name, readlinkSync(path.join(directory, name))]));
  } catch {
    if (peer === undefined) return undefined;
  }
  const { exitCode, stdout } = await runProcess({
    // The trailing slash: the directory is a link on NixOS.
    argv: sshArgv(peer, ["find", `${directory}/`, "-maxdepth", "1", "-type", "l", "-printf", "%f\\t%l\\n"]),
    timeoutSeconds: seconds,
    maxOutputBytes: MAX_UNIT_BYTES,
    ownGroup: false,
  });
  if (exitCode !== 0) return undefined;
  const entries = stdout.split("\n").flatMap((line): [string, string][] => {
    const [name, to] = line.split("\t");
    return name !== undefined && to !== undefined ? [[name, to]] : [];
  });
  return Object.fromEntries(entries);
}

/** Prints what differs and returns the exit code. */
export async function diff(options: DiffOptions, root: string): Promise<number> {
  const { host, timeout: seconds, json } = options;
  const opened = await openStack(options, root);
  hostOf(opened, host);
  const fleet = await fleetOf(opened, {
    ask: true,
    only: [host],
    timeout: Math.min(seconds, opened.plan.inventory.deploy.seconds.probe),
    report: (line) => process.stderr.write(`${line}\n`),
  });
  const detail = fleet.details.find(({ status }) => status.name === host);
  if (detail === undefined) throw new Error(`${host}: its facts are missing`);
  if (detail.status.reachable !== true)
    process.stderr.write(`${host} does not answer: its systems are those of the last run\n`);
  const peer = detail.status.reachable === true ? peerOf(opened, host) : undefined;
  const asked = { host, peer, seconds };
  const from = await resolved(asked, systemReference(options.from, detail));
  const to = await resolved(asked, systemReference(options.to, detail));
  const found = await comparison({ asked, from, to, cache: opened.outputs?.cache.url });
  const answer: SystemDiff = {
    schemaVersion: 1,
    host,
    from: { name: options.from, path: from },
    to: { name: options.to, path: to },
    ...found,
  };
  process.stdout.write(json ? `${JSON.stringify(answer, undefined, 2)}\n` : diffText(answer));
  return EXIT_OK;
}

interface Compared {
  readonly asked: Asked;
  readonly from: string;
  readonly to: string;
  readonly cache: string | undefined;
}

/** @throws Error when no store has one of the closures */
async function comparison({
  asked,
  from,
  to,
  cache,
}: Compared): Promise<Pick<SystemDiff, "closure" | "units">> {
  if (from === to) return {};
  const [infos, before, after] = await Promise.all([
    readClosures([from, to], { cache, host: asked.peer, seconds: asked.seconds }),
    unitLinks(asked, from),
    unitLinks(asked, to),
  ]);
  const closure = compareClosures(infos, from, to);
  if (closure === undefined) {
    const missing = infos.has(from) ? to : from;
    const sources = [
      "this computer's store",
      ...(cache === undefined ? [] : [`the cache ${cache}`]),
      asked.peer === undefined ? `${asked.host}, which does not answer` : asked.host,
    ];
    throw new Error(
      `${missing}: not found in ${sources.join(", ")}: it was never built, or was garbage collected`,
    );
  }
  const units =
    before === undefined || after === undefined
      ? {}
      : { units: unitChanges(ownUnits(before), ownUnits(after)) };
  return { closure, ...units };
}
