import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type StackOutputs, stackOutputs } from "../../outputs/contract.ts";
import { run } from "../machines/command.ts";
import type { SandboxContext } from "../machines/keeper.ts";
import { type StreamOptions, stream } from "./stream.ts";
import { sandboxVariables } from "./vendors.ts";

const STACK = "sandbox";

function wrapper(context: SandboxContext): string {
  return join(context.repository, "tools/pulumi");
}

/** Names the sandbox for tools/pulumi, which derives its other variables from that. */
function environment(context: SandboxContext): NodeJS.ProcessEnv {
  return { ...process.env, ...sandboxVariables(context) };
}

/** The stack's file in the file backend; tools/pulumi makes the stack on first use. */
function stackFile(context: SandboxContext): string {
  return join(context.directory, "pulumi/.pulumi/stacks/pantheros", `${STACK}.json`);
}

export function stackExists(context: SandboxContext): boolean {
  return existsSync(stackFile(context));
}

/** Whether the stack owns resources; also true for an unreadable file, so that `pulumi destroy` reports it. */
export function stackHasResources(context: SandboxContext): boolean {
  if (!stackExists(context)) return false;
  try {
    const state = JSON.parse(readFileSync(stackFile(context), "utf8")) as {
      checkpoint?: { latest?: { resources?: unknown[]; pending_operations?: unknown[] } };
    };
    const latest = state.checkpoint?.latest;
    return (latest?.resources?.length ?? 0) + (latest?.pending_operations?.length ?? 0) > 0;
  } catch {
    return true;
  }
}

/** Runs the Pulumi CLI on this terminal. Returns its exit code. */
export function pulumi(context: SandboxContext, args: readonly string[], seconds: number): Promise<number> {
  const options: StreamOptions = { cwd: context.repository, env: environment(context), seconds };
  return stream([wrapper(context), ...args, "--stack", STACK], options);
}

/** The stack's outputs; undefined before the first complete run. */
export async function readOutputs(context: SandboxContext): Promise<StackOutputs | undefined> {
  const text = await run([wrapper(context), "stack", "output", "--json", "--stack", STACK], {
    step: "stack outputs",
    env: environment(context),
    timeout: 60_000,
  });
  const result = stackOutputs.safeParse(JSON.parse(text));
  return result.success ? result.data : undefined;
}
