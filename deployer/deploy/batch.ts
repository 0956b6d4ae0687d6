/** Commands of several deploys as one: where starting a program and opening its store costs more than what it does for each. */
import type { Command, CommandResult, Runner } from "../process/runner.ts";

interface Waiting {
  readonly command: Command;
  readonly tell: (ran: CommandResult) => void;
}

/**
 * A runner for commands that gather: those that come while one like them runs wait for its end, and then run as one, with all
 * their last words. Whose command fails in company runs alone, so that each is told its own failure. Other commands are run
 * as they are.
 */
export function batched(run: Runner): Runner {
  const queues = new Map<string, Waiting[]>();

  async function empty(key: string, queue: Waiting[]): Promise<void> {
    while (queue.length > 0) await runAll(run, queue.splice(0));
    queues.delete(key);
  }

  return (command) => {
    if (!command.batchable) return run(command);
    const key = JSON.stringify([command.argv.slice(0, -1), command.env, command.input]);
    return new Promise((tell) => {
      const queue = queues.get(key);
      if (queue !== undefined) {
        queue.push({ command, tell });
        return;
      }
      const begun = [{ command, tell }];
      queues.set(key, begun);
      empty(key, begun);
    });
  };
}

async function runAll(run: Runner, batch: readonly Waiting[]): Promise<void> {
  const [first] = batch;
  if (first === undefined) return;
  if (batch.length > 1) {
    const words = batch.map(({ command }) => command.argv.at(-1) ?? "");
    const timeoutSeconds = Math.max(...batch.map(({ command }) => command.timeoutSeconds));
    const argv = [...first.command.argv.slice(0, -1), ...words];
    const ran = await run({ ...first.command, argv, timeoutSeconds });
    if (ran.exitCode === 0) {
      for (const { tell } of batch) tell(ran);
      return;
    }
  }
  await Promise.all(batch.map(async ({ command, tell }) => tell(await run(command))));
}
