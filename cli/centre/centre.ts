/** `pantheros centre`: serves the control centre of a stack until it is interrupted. */
import { userInfo } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { type Identity, OWNER, ownerIdentity } from "../../centre/access/identity.ts";
import { identityWith } from "../../centre/access/roles.ts";
import type { ReadFleet } from "../../centre/fleet.ts";
import { inheritedListeners, type Listener } from "../../centre/listen.ts";
import { type RunningCentre, serveCentre } from "../../centre/serve.ts";
import { openDatabase } from "../../centre/store/open.ts";
import type { Inventory } from "../../inventory/schema.ts";
import { unknownName } from "../../lib/names.ts";
import { stateDirectory } from "../../lib/state-directory.ts";
import { runsDirectory } from "../../runs/files.ts";
import { EXIT_OK, UsageError } from "../exit-codes.ts";
import { type StackOptions, stackName } from "../stack/name.ts";
import { openStack } from "../stack/open.ts";
import { openPublished } from "../stack/published.ts";
import { fleetOf, readFleet } from "../status/status.ts";
import { StackActor } from "./acts/stack-actor.ts";
import { serviceDoors } from "./doors.ts";
import { serviceOf } from "./service.ts";

export interface CentreOptions extends StackOptions {
  /** 0: a free port. */
  readonly port: number;
  /** Seconds in which a host has to answer. */
  readonly timeout: number;
  /** Where runs and the database are; by default lib/state-directory.ts. */
  readonly stateDirectory?: string;
  /** A role of the inventory instead of the owner's. */
  readonly role?: string;
  /** File with the outputs of the last run, instead of the stack's state. */
  readonly outputs?: string;
  /** Path of a Unix socket, instead of a port on loopback. */
  readonly socket?: string;
  /** Names under which browsers reach a service. */
  readonly name?: readonly string[];
}

/** The sockets of a service: systemd's, or the one that is given. Empty: it listens on loopback. */
export function serviceListeners(
  { socket, name }: Pick<CentreOptions, "socket" | "name">,
  inherited: readonly Listener[],
): readonly Listener[] {
  if (socket !== undefined && inherited.length > 0)
    throw new UsageError("--socket: systemd has given sockets already");
  const listeners =
    socket === undefined ? inherited : [{ name: "proxy", target: { path: path.resolve(socket) } } as const];
  if (listeners.length > 0 && name === undefined)
    throw new UsageError("--name: a service needs the name under which browsers reach it");
  return listeners;
}

/** Hosts that a service asks at the same time: its ssh processes count towards its memory (MemoryMax of the unit). */
const SERVICE_PROBES = 4;

const print = (line: string) => process.stderr.write(`${line}\n`);

/**
 * Who opens the links: whoever started the command, as the owner or in a role.
 * @throws UsageError with the roles
 */
function identityOf(role: string | undefined, { roles, users }: Inventory): Identity {
  const who = userInfo().username;
  if (role === undefined || role === OWNER) return ownerIdentity(who);
  const found = identityWith({ roles, users }, { who, door: "link", role });
  if (found === undefined) throw new UsageError(unknownName("role", role, [OWNER, ...Object.keys(roles)]));
  return found;
}

/** Who the person at this checkout is, and what acts for them. */
async function ownerOf(options: CentreOptions, root: string) {
  const { inventory } = (await openStack(options, root)).plan;
  const identity = identityOf(options.role, inventory);
  const keys = process.env["PANTHEROS_OPERATOR_KEYS"] || undefined;
  const actor = new StackActor({ stack: options, root, keys, roles: inventory.roles, env: process.env });
  return { identity, actor, doors: serviceDoors(process.env, options.name ?? [], inventory) };
}

/** Returns the exit code after SIGINT or SIGTERM. */
export async function centre(options: CentreOptions, root: string): Promise<number> {
  const state = path.resolve(options.stateDirectory ?? stateDirectory());
  const stack = stackName(options, { env: process.env, root, cwd: process.cwd() });
  const { outputs, name: names = [] } = options;
  const listeners = serviceListeners(options, inheritedListeners(process.env, process.pid));
  const read: ReadFleet = (ask) => {
    const how = { ...options, ask, report: () => {} };
    return outputs === undefined
      ? readFleet(how, root)
      : fleetOf(openPublished(stack, outputs), { ...how, parallel: SERVICE_PROBES });
  };
  // A wrong stack, inventory or backend is an error of the command, not of a page. A service waits for the outputs.
  const own =
    outputs === undefined
      ? await ownerOf(options, root)
      : serviceOf({ stack, outputs, names, root, env: process.env });
  const commandSeconds = outputs === undefined ? performance.now() / 1000 : undefined;
  const database = openDatabase({
    directory: path.join(state, "centre"),
    stack: stack.short,
    report: (line) => print(`warning: ${line}`),
  });
  const where = listeners.length > 0 ? { listeners, names } : { port: options.port };
  const report = (line: string) => print(`warning: ${line}`);
  const rehearsals = path.join(state, "rehearsals");
  const running = await serveCentre({
    read,
    database,
    runs: runsDirectory(state, stack.short),
    rehearsals,
    commandSeconds,
    report,
    ...own,
    ...where,
  }).catch((error: unknown) => {
    database.close();
    throw error;
  });
  const stop = new Promise<void>((done) => {
    process.once("SIGINT", done);
    process.once("SIGTERM", done);
  });
  if (listeners.length > 0)
    print(`The control centre listens: ${listeners.map(({ name }) => name).join(", ")}.`);
  else offerLinks(running);
  await stop;
  process.stdin.unref?.();
  process.stdin.pause();
  await running.close();
  database.close();
  return EXIT_OK;
}

/** Prints a link, and a new one for each Enter: only who sees this terminal can open a session. */
function offerLinks(running: RunningCentre): void {
  print("The control centre runs until Ctrl-C. This link opens one session, within five minutes:");
  process.stdout.write(`${running.newLink()}\n`);
  if (!process.stdin.isTTY) return;
  print("Enter prints a new one.");
  createInterface({ input: process.stdin }).on("line", () => process.stdout.write(`${running.newLink()}\n`));
}
