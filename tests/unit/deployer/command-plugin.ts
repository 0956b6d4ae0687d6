/** Runs deploys as Pulumi's command plugin does: each a shell of its own, whose parent this is. Told what to run by messages. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";

export interface Asked {
  readonly id: number;
  readonly env: NodeJS.ProcessEnv;
}

export interface Told {
  readonly id: number;
  /** Of its shell. */
  readonly pid: number;
  /** Absent: it has only begun. */
  readonly ended?: { readonly status: number | null; readonly stdout: string; readonly stderr: string };
}

async function run({ id, env }: Asked): Promise<void> {
  const child = spawn("/bin/sh", ["-c", "exec sh deployer/deploy/deploy.sh"], { env });
  const pid = child.pid ?? 0;
  process.send?.({ id, pid } satisfies Told);
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  process.send?.({ id, pid, ended: { status, stdout, stderr } } satisfies Told);
}

process.on("message", run);
