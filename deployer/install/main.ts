/**
 * Installs one machine: `PANTHEROS_INSTALL='{…}' node deployer/install/main.ts <secrets`.
 * Prints one line of JSON (protocol/result.ts) and exits 0, also for a failed installation; exits 2 when its input cannot be read.
 * Environment: PANTHEROS_SSH_KEY (private key file that root of the created machine accepts), PANTHEROS_SIGNING_KEY,
 * the provider's token where its API is needed. Standard input: installSecrets of spec.ts, as JSON.
 */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import * as z from "zod";
import { messageOf } from "../../lib/message-of.ts";
import { oneLine } from "../../lib/sanitize.ts";
import { loadPart } from "../../providers/parts.ts";
import { makePrivateDirectory } from "../process/private-directory.ts";
import { trackedRunner } from "../process/runner.ts";
import { stopWithParent } from "../process/stop.ts";
import { knownHostsLines } from "../ssh.ts";
import type { Server } from "./context.ts";
import { install } from "./install.ts";
import { type InstallSecrets, type InstallSpec, installSecrets, installSpec } from "./spec.ts";
import { startWatchdog } from "./start-watchdog.ts";
import { type InstallFiles, sshScript } from "./steps.ts";

/** nixos-anywhere applies the modes of these directories to the new system, `/` included. */
function writeExtraFiles(directory: string, spec: InstallSpec, { hostKey, secrets }: InstallSecrets): string {
  const root = join(directory, "root");
  for (const [name, mode] of [
    ["", 0o755],
    ["etc", 0o755],
    ["etc/ssh", 0o755],
    ["var", 0o755],
    ["var/lib", 0o755],
    ["var/lib/pantheros", 0o700],
    ["var/lib/pantheros/secrets", 0o700],
  ] as const) {
    mkdirSync(join(root, name));
    chmodSync(join(root, name), mode); // mkdir's mode depends on the umask
  }
  writeFileSync(join(root, "etc/ssh/ssh_host_ed25519_key"), `${hostKey.trim()}\n`, { mode: 0o600 });
  writeFileSync(join(root, "etc/ssh/ssh_host_ed25519_key.pub"), `${spec.hostKey.trim()}\n`, { mode: 0o644 });
  for (const [name, value] of Object.entries(secrets)) {
    writeFileSync(join(root, "var/lib/pantheros/secrets", name), value, { mode: 0o600 });
  }
  return root;
}

/** Exits when the input cannot be read. The message never contains a value, because values are secret. */
function readJson<T>(what: string, shape: z.ZodType<T>, given: string): T {
  const exitUnreadable = (problem: string): never => {
    process.stderr.write(`pantheros install: ${what} cannot be read: ${problem}\n`);
    process.exit(2);
  };
  let json: unknown;
  try {
    json = JSON.parse(given);
  } catch {
    return exitUnreadable("no JSON");
  }
  const read = shape.safeParse(json);
  return read.success ? read.data : exitUnreadable(z.prettifyError(read.error));
}

async function serverOf({ host, provider }: InstallSpec): Promise<Server | undefined> {
  if (provider === undefined) return undefined;
  const { kind, stack, server, settings } = provider;
  return (await loadPart(kind, "install"))({ host, stack, server, settings });
}

function privateDirectory(): string {
  try {
    return makePrivateDirectory("install");
  } catch (error) {
    process.stderr.write(`pantheros install: ${messageOf(error)}\n`);
    process.exit(2);
  }
}

async function main(): Promise<void> {
  const spec = readJson("PANTHEROS_INSTALL", installSpec, process.env["PANTHEROS_INSTALL"] ?? "");
  const secrets = readJson("standard input", installSecrets, await text(process.stdin));
  stopWithParent("install");
  const directory = privateDirectory();
  process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
  const pinned = (name: string, key: string): string => {
    const file = join(directory, name);
    writeFileSync(file, knownHostsLines(spec.host, [key]), { mode: 0o600 });
    return file;
  };
  const { host, provider } = spec;
  // Started before port 22 is opened and before any command: from here on a kill leaves nothing open and nothing running.
  const sshRule = provider?.allowedSources && { ...provider, host };
  const watchdog = startWatchdog(sshRule);
  const files: InstallFiles = {
    hosts: pinned("known_hosts", spec.hostKey),
    bootstrapHosts: pinned("known_hosts.bootstrap", spec.bootstrapKey),
    identity: process.env["PANTHEROS_SSH_KEY"] || undefined,
    signingKey: process.env["PANTHEROS_SIGNING_KEY"] || undefined,
    extraFiles: writeExtraFiles(directory, spec, secrets),
    programs: join(directory, "bin"),
  };
  mkdirSync(files.programs);
  writeFileSync(join(files.programs, "ssh"), sshScript(spec, files, process.env["PATH"] ?? ""), {
    mode: 0o700,
  });
  const result = await install(spec, {
    run: trackedRunner(watchdog.started),
    server: await serverOf(spec),
    files,
    now: () => performance.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    progress: (line) => process.stderr.write(`${oneLine(line)}\n`),
  });
  const open = await watchdog.close();
  if (open !== undefined && sshRule !== undefined) {
    process.stderr.write(
      `${host}: install: port 22 may still be open: ${oneLine(open)}; the next installation closes it\n`,
    );
  }
  process.stdout.write(`${JSON.stringify(result)}\n`);
  process.exit(0);
}

await main();
