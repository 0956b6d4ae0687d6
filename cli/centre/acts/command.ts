/** Runs a command of this checkout as the person who started the control centre, line by line. */
import { spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import type { ActResult } from "../../../centre/acts/actor.ts";

/**
 * @param argv a program of this checkout, such as `tools/pulumi`, and its arguments
 * @param env of the person's shell
 */
export function runTool(
  argv: readonly string[],
  { root, env }: { readonly root: string; readonly env: NodeJS.ProcessEnv },
  progress: (line: string) => void,
): Promise<ActResult> {
  const [program = "", ...args] = argv;
  return new Promise((ended) => {
    const child = spawn(path.join(root, program), args, {
      cwd: root,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on("line", progress);
    child.once("error", (error) =>
      ended({ ok: false, detail: `${program} did not start: ${error.message}` }),
    );
    child.once("close", (code, signal) =>
      ended({
        ok: code === 0,
        detail: `${argv.join(" ")} ended with ${code === null ? signal : `exit code ${code}`}`,
      }),
    );
  });
}

/** The environment of the shell from which the centre was started; the sandbox puts programs before PATH. */
export function outerEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { PANTHEROS_OUTER_PATH: outer, PANTHEROS_NAMESPACE: _, ...rest } = env;
  return { ...rest, ...(outer !== undefined && { PATH: outer }) };
}
