/** `pantheros centre`: serves the control centre of a stack until it is interrupted. */
import path from "node:path";
import { createInterface } from "node:readline";
import type { ReadFleet } from "../../centre/fleet.ts";
import { inheritedListeners, type Listener } from "../../centre/listen.ts";
import { type RunningCentre, serveCentre } from "../../centre/serve.ts";
import { openDatabase } from "../../centre/store/database.ts";
import { stateDirectory } from "../../lib/state-directory.ts";
import { EXIT_OK, UsageError } from "../exit-codes.ts";
import { type StackOptions, stackName } from "../stack/name.ts";
import { openPublished } from "../stack/published.ts";
import { fleetOf, readFleet } from "../status/status.ts";

export interface CentreOptions extends StackOptions {
  /** 0: a free port. */
  readonly port: number;
  /** Seconds in which a host has to answer. */
  readonly timeout: number;
  /** Where runs and the database are; by default lib/state-directory.ts. */
  readonly stateDirectory?: string;
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

const print = (line: string) => process.stderr.write(`${line}\n`);

/** Returns the exit code after SIGINT or SIGTERM. */
export async function centre(options: CentreOptions, root: string): Promise<number> {
  const state = path.resolve(options.stateDirectory ?? stateDirectory());
  const stack = stackName(options, { env: process.env, root, cwd: process.cwd() });
  const { outputs, name: names = [] } = options;
  const listeners = serviceListeners(options, inheritedListeners(process.env, process.pid));
  const read: ReadFleet = (ask) => {
    const how = { ...options, ask, report: () => {} };
    return outputs === undefined ? readFleet(how, root) : fleetOf(openPublished(stack, outputs), how);
  };
  // A wrong stack, inventory or backend is an error of the command, not of a page. A service waits for the outputs.
  if (outputs === undefined) await read(false);
  const database = openDatabase({
    directory: path.join(state, "centre"),
    stack: stack.short,
    report: (line) => print(`warning: ${line}`),
  });
  const where = listeners.length > 0 ? { listeners, names } : { port: options.port };
  const running = await serveCentre({ read, database, ...where }).catch((error: unknown) => {
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
