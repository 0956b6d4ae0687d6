/** Runs similar commands of several deploys as one, where starting the program costs more than its work for each. */
import type { Command, CommandResult, Runner } from "../process/runner.ts";

interface Waiting {
  readonly command: Command;
  readonly resolve: (result: CommandResult) => void;
}

/**
 * Batchable commands that arrive while a similar one runs wait for its end and then run as one command, with the last argument of
 * each. When such a command fails, each one runs alone, so that every deploy gets its own result. Other commands run unchanged.
 */
export function batched(run: Runner): Runner {
  const queues = new Map<string, Waiting[]>();

  async function drain(key: string, queue: Waiting[]): Promise<void> {
    while (queue.length > 0) await runAll(run, queue.splice(0));
    queues.delete(key);
  }

  return (command) => {
    if (!command.batchable) return run(command);
    const key = JSON.stringify([command.argv.slice(0, -1), command.env, command.input]);
    return new Promise((resolve) => {
      const queue = queues.get(key);
      if (queue !== undefined) {
        queue.push({ command, resolve });
        return;
      }
      const begun = [{ command, resolve }];
      queues.set(key, begun);
      drain(key, begun);
    });
  };
}

async function runAll(run: Runner, batch: readonly Waiting[]): Promise<void> {
  const [first] = batch;
  if (first === undefined) return;
  if (batch.length > 1) {
    const lastWords = batch.map(({ command }) => command.argv.at(-1) ?? "");
    const timeoutSeconds = Math.max(...batch.map(({ command }) => command.timeoutSeconds));
    const argv = [...first.command.argv.slice(0, -1), ...lastWords];
    const result = await run({ ...first.command, argv, timeoutSeconds });
    if (result.exitCode === 0) {
      for (const { resolve } of batch) resolve(result);
      return;
    }
  }
  await Promise.all(batch.map(async ({ command, resolve }) => resolve(await run(command))));
}
