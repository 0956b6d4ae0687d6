/**
 * Installs one machine: `PANTHEROS_INSTALL='{…}' node components/nixos-host/install/main.ts <private-host-key`.
 * Prints one JSON line (result.ts) and exits 0 whatever became of the machine; 2 when its input cannot be read.
 * Environment: PANTHEROS_SSH_KEY (private key file that root of the created machine accepts), PANTHEROS_SIGNING_KEY.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import * as z from "zod";
import { runProcess } from "../deploy/runner.ts";
import { stopWithParent } from "../deploy/stop.ts";
import { knownHostsLines } from "../ssh.ts";
import { install } from "./install.ts";
import { type InstallSpec, installMark, installSpec } from "./spec.ts";

/** Modes matter: nixos-anywhere gives the directories of the extra files to those of the new system, `/` included. */
function writeExtraFiles(directory: string, spec: InstallSpec, privateKey: string): string {
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
    chmodSync(join(root, name), mode); // whatever the umask
  }
  writeFileSync(join(root, "etc/ssh/ssh_host_ed25519_key"), `${privateKey.trim()}\n`, { mode: 0o600 });
  writeFileSync(join(root, "etc/ssh/ssh_host_ed25519_key.pub"), `${spec.hostKey.trim()}\n`, { mode: 0o644 });
  if (spec.mark !== undefined) {
    writeFileSync(join(root, "var/lib/pantheros/secrets", installMark), spec.mark, { mode: 0o600 });
  }
  return root;
}

function readInput(): InstallSpec {
  try {
    return installSpec.parse(JSON.parse(process.env["PANTHEROS_INSTALL"] ?? ""));
  } catch (error) {
    const problem = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    process.stderr.write(`pantheros install: PANTHEROS_INSTALL cannot be read: ${problem}\n`);
    process.exit(2);
  }
}

async function main(): Promise<void> {
  const spec = readInput();
  const privateKey = await text(process.stdin);
  if (!privateKey.includes("PRIVATE KEY")) {
    process.stderr.write("pantheros install: standard input holds no private host key\n");
    process.exit(2);
  }
  stopWithParent("install");
  const directory = mkdtempSync(join(tmpdir(), "pantheros-install-")); // mode 0700
  process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
  const pinned = (name: string, key: string): string => {
    const file = join(directory, name);
    writeFileSync(file, knownHostsLines(spec.host, [key]), { mode: 0o600 });
    return file;
  };
  const result = await install(spec, {
    run: runProcess,
    files: {
      hosts: pinned("known_hosts", spec.hostKey),
      bootstrapHosts: pinned("known_hosts.bootstrap", spec.bootstrapKey),
      identity: process.env["PANTHEROS_SSH_KEY"] || undefined,
      signingKey: process.env["PANTHEROS_SIGNING_KEY"] || undefined,
      extraFiles: writeExtraFiles(directory, spec, privateKey),
    },
    now: () => performance.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    progress: (line) => process.stderr.write(`${line}\n`),
  });
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

await main();
