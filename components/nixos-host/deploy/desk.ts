/**
 * Where a stack's deploys run: in its own program, one Node for all hosts. One for each would cost a fifth of a second of processor time
 * and 60 MB. A host's resource hands its spec in over a Unix socket in a directory of this user's alone (deploy.sh), and
 * gets lines of progress, then one of JSON. Whoever hangs up ends his deploy.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { deploy, type Tools } from "./deploy.ts";
import { stoppableRunner } from "./runner.ts";
import { runnerFiles } from "./runner-files.ts";
import { parseSpec } from "./spec.ts";
import { stopWithParent } from "./stop.ts";

/** Thrown into a deploy that nobody waits for any more. */
class HungUp extends Error {}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const spec = parseSpec(await text(request));
  const { run, stop } = stoppableRunner();
  const { files, remove } = runnerFiles([spec]);
  let gone = false;
  response.on("close", () => {
    gone = true;
    stop();
  });
  const going = () => {
    if (gone) throw new HungUp();
  };
  const tools: Tools = {
    files,
    run: async (command) => {
      going();
      const ran = await run(command);
      going();
      return ran;
    },
    now: () => performance.now(),
    sleep: async (ms) => {
      await new Promise((resolve) => setTimeout(resolve, ms));
      going();
    },
    progress: (line) => response.write(`${line}\n`),
  };
  try {
    response.end(`${JSON.stringify(await deploy(spec, tools))}\n`);
  } finally {
    remove();
  }
}

/** Opens it; the path of its socket. It keeps the program from ending no longer than a deploy is under way. */
export function openDesk(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "pantheros-desk-"));
  process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
  stopWithParent("program");
  const socket = join(directory, "desk");
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      if (error instanceof HungUp) return;
      response.statusCode = 422;
      response.end(`pantheros deploy: ${error instanceof Error ? error.message : String(error)}\n`);
    });
  });
  server.requestTimeout = 0;
  server.unref();
  return new Promise((resolve, reject) => {
    server.once("error", reject).listen(socket, () => resolve(socket));
  });
}
