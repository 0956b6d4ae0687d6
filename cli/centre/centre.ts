/** `pantheros centre`: serves the control centre of a stack on loopback until it is interrupted. */
import path from "node:path";
import { createInterface } from "node:readline";
import type { ReadFleet } from "../../centre/fleet.ts";
import { serveCentre } from "../../centre/serve.ts";
import { openDatabase } from "../../centre/store/database.ts";
import { stateDirectory } from "../../lib/state-directory.ts";
import { EXIT_OK } from "../exit-codes.ts";
import { type StackOptions, stackName } from "../stack/name.ts";
import { readFleet } from "../status/status.ts";

export interface CentreOptions extends StackOptions {
  /** 0: a free port. */
  readonly port: number;
  /** Seconds in which a host has to answer. */
  readonly timeout: number;
  /** Where runs and the database are; by default lib/state-directory.ts. */
  readonly stateDirectory?: string;
}

const print = (line: string) => process.stderr.write(`${line}\n`);

/** Returns the exit code after SIGINT or SIGTERM. */
export async function centre(options: CentreOptions, root: string): Promise<number> {
  const state = path.resolve(options.stateDirectory ?? stateDirectory());
  const stack = stackName(options, { env: process.env, root, cwd: process.cwd() });
  const read: ReadFleet = (ask) => readFleet({ ...options, ask, report: () => {} }, root);
  // A wrong stack, inventory or backend is an error of the command, not of a page.
  await read(false);
  const database = openDatabase({
    directory: path.join(state, "centre"),
    stack: stack.short,
    report: (line) => print(`warning: ${line}`),
  });
  const running = await serveCentre({ read, database, port: options.port }).catch((error: unknown) => {
    database.close();
    throw error;
  });
  print("The control centre runs until Ctrl-C. This link opens one session, within five minutes:");
  process.stdout.write(`${running.newLink()}\n`);
  const stop = new Promise<void>((done) => {
    process.once("SIGINT", done);
    process.once("SIGTERM", done);
  });
  if (process.stdin.isTTY) {
    print("Enter prints a new one.");
    createInterface({ input: process.stdin }).on("line", () =>
      process.stdout.write(`${running.newLink()}\n`),
    );
  }
  await stop;
  process.stdin.unref?.();
  process.stdin.pause();
  await running.close();
  database.close();
  return EXIT_OK;
}
