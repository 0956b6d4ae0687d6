/**
 * Deploys one host: `PANTHEROS_DEPLOY='{…}' node components/nixos-host/deploy/main.ts`, the JSON as in spec.ts.
 * Prints one JSON line (result.ts) and exits 0 whatever became of the host; 2 when the JSON cannot be read.
 * Environment: PANTHEROS_SSH_KEY (private key), PANTHEROS_SIGNING_KEY (Nix secret key), files both.
 */
import { text } from "node:stream/consumers";
import * as z from "zod";
import { deploy } from "./deploy.ts";
import { runnerTools } from "./runner-files.ts";
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
  const result = await deploy(spec, runnerTools([spec]));
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

await main();
