/**
 * Deploys all hosts of one run in one Node process, because a process for each costs 0.25 s of processor time and 60 MB.
 * `node deployer/deploy/main.ts DIRECTORY PID`: deploy.sh starts it and sends specs through DIRECTORY/socket; PID is the process that
 * requests the deploys. It is separate from the stack's program, which ends when a resource fails while the engine still waits for
 * running deploys. It ends with PID. A client that disconnects ends its deploy: a confirmation that no state records must not happen,
 * and the host rolls back by itself.
 * Environment: PANTHEROS_SSH_KEY (file of a private key), PANTHEROS_SIGNING_KEY (file of a Nix secret key).
 */

import { renameSync, rmSync, writeSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { messageOf } from "../../lib/message-of.ts";
import { oneLine } from "../../lib/sanitize.ts";
import { removeStale } from "../process/private-directory.ts";
import { runProcess, stoppableRunner } from "../process/runner.ts";
import { exitCheck, POLL_MS, stopWhen } from "../process/stop.ts";
import { batched } from "./batch.ts";
import type { DeployTools } from "./context.ts";
import { deploy } from "./deploy.ts";
import { fileTools, runnerFiles } from "./runner-files.ts";
import { parseSpec } from "./spec.ts";

/** Ends a deploy whose client has disconnected. */
class ClientGone extends Error {}

/** Shared by all deploys; a client that disconnects does not end a batch that others wait for. */
const runBatched = batched(runProcess);

/** Responds with lines of progress, then with the result as one line of JSON, or with a line that says why there is none. */
async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { run, stop } = stoppableRunner();
  let gone = false;
  response.on("close", () => {
    gone = true;
    stop();
  });
  disconnectWith(Number(request.headers["asker"]), response);
  const throwIfGone = () => {
    if (gone) throw new ClientGone();
  };
  const spec = parseSpec(await text(request));
  const { files, remove } = runnerFiles([spec]);
  const tools: DeployTools = {
    files,
    ...fileTools(files),
    run: async (command) => {
      throwIfGone();
      const result = await (command.batchable ? runBatched(command) : run(command));
      throwIfGone();
      return result;
    },
    now: () => performance.now(),
    sleep: async (ms) => {
      await new Promise((resolve) => setTimeout(resolve, ms));
      throwIfGone();
    },
    progress: (line) => response.write(`${oneLine(line)}\n`),
  };
  // The files are removed before the response ends: a client may check that nothing is left.
  const result = await deploy(spec, tools).finally(remove);
  response.end(`${JSON.stringify(result)}\n`);
}

/** Disconnects when the client's shell is gone: the command plugin kills only that shell, and its children would wait forever. */
function disconnectWith(asker: number, response: ServerResponse): void {
  const hasExited = exitCheck(asker);
  const timer = setInterval(() => {
    if (hasExited()) response.destroy();
  }, POLL_MS);
  response.on("close", () => clearInterval(timer));
}

const [directory = "", requester = ""] = process.argv.slice(2);
const removeDirectory = () => rmSync(directory, { recursive: true, force: true });
process.on("exit", removeDirectory);
// After a crash the directory stays: its log has the reason.
process.on("uncaughtExceptionMonitor", () => process.off("exit", removeDirectory));
stopWhen("deployer", exitCheck(Number(requester)));
removeStale(dirname(directory));
const server = createServer((request, response) => {
  serve(request, response).catch((error: unknown) => {
    if (error instanceof ClientGone) return;
    response.end(`pantheros deploy: ${oneLine(messageOf(error), 2000)}\n`);
  });
});
server.requestTimeout = 0;
server.listen(join(directory, "socket.new"), () => {
  // The rename makes the socket visible only when it accepts connections.
  renameSync(join(directory, "socket.new"), join(directory, "socket"));
  writeSync(1, "ready\n");
});
