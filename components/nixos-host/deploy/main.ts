/**
 * Deploys one host: `PANTHEROS_DEPLOY='{…}' node components/nixos-host/deploy/main.ts`, the JSON as in spec.ts.
 * Prints one JSON line (result.ts) and exits 0 whatever became of the host; 2 when the JSON cannot be read.
 * Environment: PANTHEROS_SSH_KEY (private key), PANTHEROS_SIGNING_KEY (Nix secret key), files both.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import * as z from "zod";
import { knownHostsLines } from "../ssh.ts";
import { deploy } from "./deploy.ts";
import { runProcess } from "./runner.ts";
import { type DeploySpec, deploySpec } from "./spec.ts";
import { stopWithParent } from "./stop.ts";

async function readSpec(): Promise<DeploySpec> {
  const source = process.env["PANTHEROS_DEPLOY"] ?? (await text(process.stdin));
  return deploySpec.parse(JSON.parse(source));
}

async function main(): Promise<void> {
  let spec: DeploySpec;
  try {
    spec = await readSpec();
  } catch (error) {
    const problem = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    process.stderr.write(`pantheros deploy: PANTHEROS_DEPLOY cannot be read: ${problem}\n`);
    process.exit(2);
  }
  stopWithParent("deploy");
  const directory = mkdtempSync(join(tmpdir(), "pantheros-deploy-"));
  process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
  const knownHosts = join(directory, "known_hosts");
  writeFileSync(knownHosts, knownHostsLines(spec.host, spec.hostKeys), { mode: 0o600 });
  const result = await deploy(spec, {
    run: runProcess,
    files: {
      knownHosts,
      identity: process.env["PANTHEROS_SSH_KEY"] || undefined,
      signingKey: process.env["PANTHEROS_SIGNING_KEY"] || undefined,
    },
    now: () => performance.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    progress: (line) => process.stderr.write(`${line}\n`),
  });
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

await main();
