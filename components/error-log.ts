/**
 * Prints each error of the program once, in the form of lib/error-text.ts. Must be imported before
 * anything that may fail.
 *
 * The SDK sends what it logs with one call of the engine client, `log(request, answer)`, on the
 * object that `getEngine()` returns; this module replaces that function and changes the requests
 * for errors. Pulumi's display shows an error's first line while the program runs and the whole
 * error at its end. The first line is empty, so that a log does not contain the cause twice.
 * Sources: sdk/nodejs/log/index.ts, sdk/nodejs/cmd/run/run.ts, pkg/backend/display/rows.go
 * (getInfoColumn) of Pulumi 3.258.
 */
// Single modules, because the whole SDK takes much longer to load and errors of the inventory do
// not need it.
import * as log from "@pulumi/pulumi/log/index.js";
import { getEngine } from "@pulumi/pulumi/runtime/settings.js";
import { errorText } from "../lib/error-text.ts";
import { messageOf } from "../lib/message-of.ts";

/** `LogSeverity.ERROR` of proto/engine.proto. */
const ERROR = 3;
/** Exit code of a program that failed and logged the reason. Source: cmd/run/index.ts of the SDK. */
export const EXIT_LOGGED = 32;

interface LogRequest {
  getSeverity(): number;
  getMessage(): string;
  setMessage(text: string): void;
}

/** The part of the engine client that is changed. */
interface Engine {
  log(request: LogRequest, answer: (error: unknown) => void): unknown;
}

const printed = new Set<string>();

function shortenErrors(engine: Engine): void {
  const send = engine.log.bind(engine);
  engine.log = (request, answer) => {
    if (request.getSeverity() !== ERROR) return send(request, answer);
    const text = errorText(request.getMessage());
    if (printed.has(text)) return answer(null);
    printed.add(text);
    request.setMessage(`\n${text}`);
    return send(request, answer);
  };
}

// In tests there is no engine, and the SDK prints to standard error.
const engine = getEngine() as Engine | undefined;
if (engine !== undefined) shortenErrors(engine);

/**
 * Prints an error on which the rest of the run depends, and ends the run at once. Created resources
 * stay in the state, and nothing is deleted.
 */
export async function endRun(error: unknown): Promise<never> {
  await log.error(messageOf(error));
  process.exit(EXIT_LOGGED);
}
