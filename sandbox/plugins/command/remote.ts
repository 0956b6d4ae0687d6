/**
 * command:remote:Command through OpenSSH. The connection is always checked against `hostKey`; the command is started
 * at most once: only a connection that never came about is tried again.
 */
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pause } from "../framework/http.ts";
import type { Context, Resource } from "../framework/resource.ts";
import { number, text } from "../framework/resource.ts";
import { isObject, type Properties, UNKNOWN } from "../framework/values.ts";
import {
  COMMON,
  failureOf,
  LIFECYCLE,
  lifecycle,
  loggedStreams,
  previousOutputs,
  trimmed,
  validateLogging,
} from "./local.ts";
import { type Finished, run } from "./process.ts";

const CONNECTION = [
  "host",
  "user",
  "port",
  "privateKey",
  "agentSocketPath",
  "dialErrorLimit",
  "perDialTimeout",
  "hostKey",
];
const REFUSED = ["password", "privateKeyPassword", "proxy"];
/** What ssh says when trying again can't help. */
const HOPELESS =
  /Host key verification failed|Permission denied|REMOTE HOST IDENTIFICATION|Could not resolve hostname|no matching host key|invalid format|error in libcrypto/;

export interface Connection {
  host: string;
  user: string;
  port: number;
  privateKey?: string;
  agentSocketPath?: string;
  /** Attempts that may fail; -1 is no limit. */
  dialErrorLimit: number;
  /** Seconds one attempt may take; 0 is no limit. */
  perDialTimeout: number;
  hostKey: string;
}

export function connectionOf(inputs: Properties): Connection {
  const given = isObject(inputs["connection"]) ? inputs["connection"] : {};
  return {
    host: text(given["host"]),
    user: text(given["user"]),
    port: number(given["port"]),
    ...(given["privateKey"] === undefined ? {} : { privateKey: text(given["privateKey"]) }),
    ...(given["agentSocketPath"] === undefined ? {} : { agentSocketPath: text(given["agentSocketPath"]) }),
    dialErrorLimit: number(given["dialErrorLimit"]),
    perDialTimeout: number(given["perDialTimeout"]),
    hostKey: text(given["hostKey"]),
  };
}

/** One known_hosts line that pins the key for the address as ssh looks it up. */
export function knownHostsLine({ host, port, hostKey }: Connection): string {
  const [type = "", key = ""] = hostKey.trim().split(/\s+/);
  return `${port === 22 ? host : `[${host}]:${port}`} ${type} ${key}\n`;
}

/** ssh's options, but for the command. `files` is a private folder holding known_hosts and, if given, the key. */
export function sshOptions(connection: Connection, files: string): string[] {
  const type = connection.hostKey.trim().split(/\s+/)[0] ?? "";
  const options: Record<string, string> = {
    BatchMode: "yes",
    StrictHostKeyChecking: "yes",
    UserKnownHostsFile: join(files, "known_hosts"),
    GlobalKnownHostsFile: "/dev/null",
    HostKeyAlgorithms: type === "ssh-rsa" ? "rsa-sha2-512,rsa-sha2-256" : type,
    CheckHostIP: "no",
    UpdateHostKeys: "no",
    ControlMaster: "no",
    ControlPath: "none",
    LogLevel: "ERROR",
    SendEnv: "PULUMI_COMMAND_STDOUT PULUMI_COMMAND_STDERR",
    ServerAliveInterval: "15",
    ServerAliveCountMax: "4",
    // Runs here once the connection stands, so that a failure to connect and a failure of the command differ.
    PermitLocalCommand: "yes",
    LocalCommand: `: > ${join(files, "connected")}`,
  };
  if (connection.perDialTimeout > 0) options["ConnectTimeout"] = String(connection.perDialTimeout);
  if (connection.privateKey !== undefined) {
    options["IdentityFile"] = join(files, "key");
    options["IdentitiesOnly"] = "yes";
    options["IdentityAgent"] = "none";
  } else if (connection.agentSocketPath !== undefined) options["IdentityAgent"] = connection.agentSocketPath;
  const written = Object.entries(options).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
  return [
    "-F",
    "/dev/null",
    "-T",
    ...written,
    "-p",
    String(connection.port),
    "-l",
    connection.user,
    connection.host,
  ];
}

async function attempt(
  context: Context<unknown>,
  connection: Connection,
  command: string,
  inputs: Properties,
  previous: Properties,
): Promise<{ finished: Finished; connected: boolean }> {
  const files = await mkdtemp(join(tmpdir(), "pulumi-command-"));
  try {
    await writeFile(join(files, "known_hosts"), knownHostsLine(connection), { mode: 0o600 });
    if (connection.privateKey !== undefined) {
      await writeFile(join(files, "key"), `${connection.privateKey.trimEnd()}\n`, { mode: 0o600 });
    }
    const finished = await run({
      argv: ["ssh", ...sshOptions(connection, files), command],
      environment: { ...process.env, ...previousOutputs(inputs, previous) },
      ...(text(inputs["stdin"]) === "" ? {} : { stdin: text(inputs["stdin"]) }),
      line: context.status,
      ...loggedStreams(inputs["logging"]),
      signal: context.signal,
    });
    return { finished, connected: existsSync(join(files, "connected")) };
  } finally {
    await rm(files, { recursive: true, force: true });
  }
}

async function runRemote(
  context: Context<unknown>,
  command: string,
  inputs: Properties,
  previous: Properties,
): Promise<Properties> {
  const connection = connectionOf(inputs);
  for (let failures = 1; ; failures += 1) {
    const { finished, connected } = await attempt(context, connection, command, inputs, previous);
    if (connected) {
      if (finished.code === 0) return { stdout: trimmed(finished.stdout), stderr: trimmed(finished.stderr) };
      throw failureOf(`Process exited with status ${finished.code}`, command, finished.mixed);
    }
    context.signal.throwIfAborted();
    const limit = connection.dialErrorLimit;
    if (HOPELESS.test(finished.stderr) || (limit >= 0 && failures > limit)) {
      const mismatch = /Host key verification failed/.test(finished.stderr);
      const reason = mismatch ? "host key mismatch: it is not the one in hostKey" : finished.stderr.trim();
      const host = `${connection.user}@${connection.host}:${connection.port}`;
      throw new Error(`ssh ${host}: after ${failures} failed attempts: ${reason}`);
    }
    context.status(`Dial ${failures}/${limit < 0 ? "inf" : limit} failed: retrying`);
    await pause(Math.min(100 * 1.5 ** failures, 5000), context.signal);
  }
}

function validateConnection(inputs: Properties): [string, string][] {
  const connection = inputs["connection"];
  if (!isObject(connection)) return [];
  const wrong: [string, string][] = [];
  for (const key of Object.keys(connection)) {
    if (REFUSED.includes(key))
      wrong.push([
        `connection.${key}`,
        "not supported by this plugin: use an unencrypted key or an agent, and reach the host directly",
      ]);
    else if (!CONNECTION.includes(key))
      wrong.push([`connection.${key}`, `unknown; a connection takes ${CONNECTION.join(", ")}`]);
  }
  if (connection["host"] === undefined) wrong.push(["connection.host", "is required"]);
  const key = connection["hostKey"];
  if (key === undefined)
    wrong.push(["connection.hostKey", "is required: this plugin connects to no host it can't check"]);
  else if (key !== UNKNOWN && !/^\s*[\w@.-]+\s+[A-Za-z0-9+/=]+/.test(text(key))) {
    wrong.push(["connection.hostKey", 'must look like "ssh-ed25519 AAAA…"']);
  }
  const environment = inputs["environment"];
  if (isObject(environment) && Object.keys(environment).length > 0) {
    wrong.push([
      "environment",
      "needs AcceptEnv in the host's sshd and fails without; write VAR=value before the command instead",
    ]);
  }
  return wrong;
}

export const remoteCommand: Resource<unknown> = {
  properties: { ...COMMON, ...LIFECYCLE, connection: { type: "map", required: true, secret: true } },
  defaults(inputs) {
    if (!isObject(inputs["connection"])) return inputs;
    const connection = {
      user: "root",
      port: 22,
      dialErrorLimit: 10,
      perDialTimeout: 15,
      ...inputs["connection"],
    };
    return { ...inputs, connection };
  },
  validate: (inputs) => [...validateLogging(inputs), ...validateConnection(inputs)],
  ...lifecycle(runRemote),
};
