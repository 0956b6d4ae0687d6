/**
 * Where a run's deploys happen: one Node for all hosts, since one for each would cost a quarter of a second of processor time and 60 MB.
 * `node deployer/deploy/main.ts DIRECTORY PID`: deploy.sh starts it and hands it specs through DIRECTORY/socket; PID is
 * who asks for deploys. It is no part of the stack's program, which ends at another resource's failure while the engine still
 * waits for the deploys under way. It ends with PID, and whoever hangs up ends his deploy: nothing is confirmed that nobody
 * would record, and the host goes back by itself.
 * Environment: PANTHEROS_SSH_KEY (private key), PANTHEROS_SIGNING_KEY (Nix secret key), files both.
 */
import { renameSync, rmSync, writeSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { oneLine } from "../../lib/sanitize.ts";
import { runProcess, stoppableRunner } from "../process/runner.ts";
import { exitCheck, POLL_MS, stopWhen } from "../process/stop.ts";
import { batched } from "./batch.ts";
import { type DeployTools, deploy } from "./deploy.ts";
import { fileTools, runnerFiles } from "./runner-files.ts";
import { parseSpec } from "./spec.ts";

/** Thrown into a deploy that nobody waits for any more. */
class ClientGone extends Error {}

/** Of all deploys: who hangs up ends nothing that others wait for too. */
const together = batched(runProcess);

/** Answers with lines of progress, then the result as one line of JSON, or a line that says why there is none. */
async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { run, stop } = stoppableRunner();
  let gone = false;
  response.on("close", () => {
    gone = true;
    stop();
  });
  endWith(Number(request.headers["asker"]), response);
  const going = () => {
    if (gone) throw new ClientGone();
  };
  const spec = parseSpec(await text(request));
  const { files, remove } = runnerFiles([spec]);
  const tools: DeployTools = {
    files,
    ...fileTools(files),
    run: async (command) => {
      going();
      const ran = await (command.batchable ? together(command) : run(command));
      going();
      return ran;
    },
    now: () => performance.now(),
    sleep: async (ms) => {
      await new Promise((resolve) => setTimeout(resolve, ms));
      going();
    },
    progress: (line) => response.write(`${oneLine(line)}\n`),
  };
  // Removed first: who has the answer may look whether anything is left.
  const result = await deploy(spec, tools).finally(remove);
  response.end(`${JSON.stringify(result)}\n`);
}

/** The command plugin kills a command's shell alone; what that had started would wait on. */
function endWith(asker: number, response: ServerResponse): void {
  const isOver = exitCheck(asker);
  const looks = setInterval(() => {
    if (isOver()) response.destroy();
  }, POLL_MS);
  response.on("close", () => clearInterval(looks));
}

const [directory = "", asks = ""] = process.argv.slice(2);
const removeHome = () => rmSync(directory, { recursive: true, force: true });
process.on("exit", removeHome);
// Its log is what tells of a fault of its own.
process.on("uncaughtExceptionMonitor", () => process.off("exit", removeHome));
stopWhen("deployer", exitCheck(Number(asks)));
const server = createServer((request, response) => {
  serve(request, response).catch((error: unknown) => {
    if (error instanceof ClientGone) return;
    response.end(
      `pantheros deploy: ${oneLine(error instanceof Error ? error.message : String(error), 2000)}\n`,
    );
  });
});
server.requestTimeout = 0;
server.listen(join(directory, "socket.new"), () => {
  // Whoever sees the socket can connect.
  renameSync(join(directory, "socket.new"), join(directory, "socket"));
  writeSync(1, "ready\n");
});
