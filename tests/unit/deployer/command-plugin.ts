/**
 * Runs deploys as Pulumi's command plugin does: each in a shell that is a child of this process.
 * Messages request the deploys.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";

export interface DeployRequest {
  readonly id: number;
  readonly env: NodeJS.ProcessEnv;
}

export interface DeployReport {
  readonly id: number;
  /** The shell's process id. */
  readonly pid: number;
  /** Undefined while it runs. */
  readonly ended?: { readonly status: number | null; readonly stdout: string; readonly stderr: string };
}

async function run({ id, env }: DeployRequest): Promise<void> {
  const child = spawn("/bin/sh", ["-c", "exec sh deployer/deploy/deploy.sh"], { env });
  const pid = child.pid ?? 0;
  process.send?.({ id, pid } satisfies DeployReport);
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  process.send?.({ id, pid, ended: { status, stdout, stderr } } satisfies DeployReport);
}

process.on("message", run);
