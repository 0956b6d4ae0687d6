/** `pantheros centre`: serves the control centre of a stack on loopback until it is interrupted. */
import { createInterface } from "node:readline";
import type { ReadFleet } from "../../centre/fleet.ts";
import { serveCentre } from "../../centre/serve.ts";
import { EXIT_OK } from "../exit-codes.ts";
import type { StackOptions } from "../stack/name.ts";
import { readFleet } from "../status/status.ts";

export interface CentreOptions extends StackOptions {
  /** 0: a free port. */
  readonly port: number;
  /** Seconds in which a host has to answer. */
  readonly timeout: number;
}

const print = (line: string) => process.stderr.write(`${line}\n`);

/** Returns the exit code after SIGINT or SIGTERM. */
export async function centre(options: CentreOptions, root: string): Promise<number> {
  const read: ReadFleet = (ask) => readFleet({ ...options, ask, report: () => {} }, root);
  // A wrong stack, inventory or backend is an error of the command, not of a page.
  await read(false);
  const running = await serveCentre(read, options.port);
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
  return EXIT_OK;
}
