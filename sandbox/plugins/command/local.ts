/**
 * command:local:Command and command:local:run, with the semantics of pulumi-command v1.2.1
 * (provider/pkg/provider/local): a change of `triggers` replaces, any other change runs `update` or else
 * `create` again, outputs lose one trailing newline, and the error of a failed command has its text and
 * all its output.
 */

import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { messageOf } from "../../../lib/message-of.ts";
import type { Context, Invocation, Property, Resource } from "../framework/resource.ts";
import { text, texts } from "../framework/resource.ts";
import { isObject, type Json, type Properties } from "../framework/values.ts";
import { type CommandResult, run } from "./process.ts";

const LOGGING = ["stdout", "stderr", "stdoutAndStderr", "none"];

/** Inputs of local.Command and local.run. */
const COMMON: Record<string, Property> = {
  stdin: { type: "string" },
  logging: { type: "string" },
  environment: { type: "map" },
  addPreviousOutputInEnv: { type: "boolean" },
  dir: { type: "string" },
  interpreter: { type: "list" },
};

function validateLogging(inputs: Properties): [string, string][] {
  const logging = inputs["logging"];
  if (logging === undefined || LOGGING.includes(String(logging))) return [];
  return [["logging", `must be one of ${LOGGING.join(", ")}`]];
}

/** Which streams are sent to the engine line by line. */
function loggedStreams(logging: Json | undefined): { logStdout: boolean; logStderr: boolean } {
  const all = logging === undefined || logging === "stdoutAndStderr";
  return { logStdout: all || logging === "stdout", logStderr: all || logging === "stderr" };
}

/** The variables with the previous outputs; `addPreviousOutputInEnv: false` leaves them out. */
function previousOutputs(inputs: Properties, outputs: Properties): Record<string, string> {
  if (inputs["addPreviousOutputInEnv"] === false) return {};
  const previous: Record<string, string> = {};
  if (text(outputs["stdout"]) !== "") previous["PULUMI_COMMAND_STDOUT"] = text(outputs["stdout"]);
  if (text(outputs["stderr"]) !== "") previous["PULUMI_COMMAND_STDERR"] = text(outputs["stderr"]);
  return previous;
}

/** Drops one trailing newline and no more, as the official plugin does. */
const trimmed = (output: string): string => output.replace(/\n$/, "");

/** The error of a failed command. */
function failureOf(what: string, command: string, mixed: string): Error {
  return new Error(`${what}: running ${JSON.stringify(command)}:\n${mixed}`);
}

async function runLocal(
  context: Context<unknown>,
  command: string,
  inputs: Properties,
  previous: Properties,
): Promise<Properties> {
  const interpreter = texts(inputs["interpreter"]);
  const [program = "/bin/sh", ...options] = interpreter.length > 0 ? interpreter : ["/bin/sh", "-c"];
  const directory = inputs["dir"] === undefined ? undefined : text(inputs["dir"]);
  if (directory !== undefined && !existsSync(directory)) {
    throw failureOf(`chdir ${directory}: no such file or directory`, command, "");
  }
  const given = isObject(inputs["environment"]) ? inputs["environment"] : {};
  const environment = Object.fromEntries(Object.entries(given).map(([key, value]) => [key, String(value)]));
  let finished: CommandResult;
  try {
    finished = await run({
      argv: [program, ...options, command],
      environment: { ...process.env, ...environment, ...previousOutputs(inputs, previous) },
      ...(directory !== undefined && { directory }),
      ...(text(inputs["stdin"]) !== "" && { stdin: text(inputs["stdin"]) }),
      line: context.status,
      ...loggedStreams(inputs["logging"]),
      signal: context.signal,
    });
  } catch (error) {
    throw failureOf(messageOf(error), command, "");
  }
  if (context.signal.aborted)
    throw failureOf(String(context.signal.reason?.message ?? "cancelled"), command, finished.mixed);
  if (finished.killedBy) throw failureOf(`signal: ${finished.killedBy}`, command, finished.mixed);
  if (finished.code !== 0) throw failureOf(`exit status ${finished.code}`, command, finished.mixed);
  return { stdout: trimmed(finished.stdout), stderr: trimmed(finished.stderr) };
}

/** Outputs of a resource that has no command to create it. */
const NO_OUTPUT: Properties = { stdout: "", stderr: "" };

/** The resource's name and eight hexadecimal digits, as in the official plugin. */
const newId = (name: string): string => `${name}${randomBytes(4).toString("hex")}`;

export const localCommand: Resource<unknown> = {
  properties: {
    ...COMMON,
    create: { type: "string" },
    update: { type: "string" },
    delete: { type: "string" },
    triggers: { type: "list", replace: true },
  },
  computed: ["stdout", "stderr"],
  volatile: (changed) => (changed.size > 0 ? ["stdout", "stderr"] : []),
  validate: validateLogging,
  async create(context, inputs, name) {
    const command = inputs["create"];
    const outputs = command === undefined ? NO_OUTPUT : await runLocal(context, text(command), inputs, {});
    return { id: newId(name), outputs };
  },
  async update(context, _id, { old, inputs }) {
    const command = inputs["update"] ?? inputs["create"];
    const kept = { stdout: old.outputs["stdout"] ?? "", stderr: old.outputs["stderr"] ?? "" };
    return command === undefined ? kept : await runLocal(context, text(command), inputs, old.outputs);
  },
  async delete(context, _id, old) {
    const command = old.outputs["delete"];
    if (command !== undefined) await runLocal(context, text(command), old.outputs, old.outputs);
  },
};

export const localRun: Invocation<unknown> = {
  properties: { ...COMMON, command: { type: "string", required: true } },
  async run(context, args) {
    return { ...args, ...(await runLocal(context, text(args["command"]), args, {})) };
  },
};
