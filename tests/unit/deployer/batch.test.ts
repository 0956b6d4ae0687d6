import { batched } from "../../../deployer/deploy/batch.ts";
import type { Command, CommandResult } from "../../../deployer/process/runner.ts";
import { broken, ok } from "./fixtures.ts";

const sign = (path: string, more: Partial<Command> = {}): Command => ({
  argv: ["sign", "--key", "k", path],
  timeoutSeconds: 300,
  batchable: true,
  ...more,
});

/** A runner whose commands end only when the test ends them. */
function controlledRunner() {
  const started: { readonly command: Command; readonly end: (ran: CommandResult) => void }[] = [];
  const run = batched((command) => new Promise((end) => started.push({ command, end })));
  return {
    run,
    /** All commands that were started. */
    begun: () => started.map(({ command }) => command.argv.join(" ")),
    /** Ends a command, and lets the waiting ones start. */
    end: async (at: number, ran: CommandResult) => {
      started[at]?.end(ran);
      await new Promise((resolve) => setImmediate(resolve));
    },
    at: (at: number) => started[at]?.command,
  };
}

test("commands that arrive while one runs wait for it, and then run as one", async () => {
  const runner = controlledRunner();
  const first = runner.run(sign("a"));
  const others = [runner.run(sign("b")), runner.run(sign("c", { timeoutSeconds: 900 }))];
  expect(runner.begun()).toEqual(["sign --key k a"]);
  await runner.end(0, ok("one"));
  expect((await first).stdout).toBe("one");
  expect(runner.begun().slice(1)).toEqual(["sign --key k b c"]);
  expect(runner.at(1)?.timeoutSeconds).toBe(900);
  const late = runner.run(sign("d"));
  await runner.end(1, ok("both"));
  expect((await Promise.all(others)).map(({ stdout }) => stdout)).toEqual(["both", "both"]);
  expect(runner.begun().slice(2)).toEqual(["sign --key k d"]);
  await runner.end(2, ok("last"));
  expect((await late).stdout).toBe("last");
});

test("a command that arrives when none runs starts at once", async () => {
  const runner = controlledRunner();
  for (const [at, path] of ["a", "b"].entries()) {
    const ran = runner.run(sign(path));
    expect(runner.begun()).toHaveLength(at + 1);
    await runner.end(at, ok());
    expect((await ran).exitCode).toBe(0);
  }
});

test("when a batch fails, each of its commands runs alone and has its own result", async () => {
  const runner = controlledRunner();
  const all = ["a", "b", "c"].map((path) => runner.run(sign(path)));
  await runner.end(0, ok());
  await runner.end(1, broken("error: path 'c' is not valid"));
  expect(runner.begun().slice(2)).toEqual(["sign --key k b", "sign --key k c"]);
  await runner.end(3, broken("error: path 'c' is not valid"));
  await runner.end(2, ok());
  expect((await Promise.all(all)).map(({ exitCode }) => exitCode)).toEqual([0, 0, 1]);
});

test("commands that differ in more than their last word, or are not batchable, run in parallel", () => {
  const runner = controlledRunner();
  runner.run(sign("a"));
  runner.run(sign("b", { argv: ["sign", "--key", "other", "b"] }));
  runner.run(sign("c", { env: { NIX_SSHOPTS: "-F x" } }));
  runner.run(sign("d", { batchable: undefined }));
  expect(runner.begun()).toEqual([
    ...["sign --key k a", "sign --key other b", "sign --key k c", "sign --key k d"],
  ]);
});
