import { batched } from "../../../deployer/deploy/batch.ts";
import type { Command, CommandResult } from "../../../deployer/process/runner.ts";
import { broken, ok } from "./fixtures.ts";

const sign = (path: string, more: Partial<Command> = {}): Command => ({
  argv: ["sign", "--key", "k", path],
  timeoutSeconds: 300,
  batchable: true,
  ...more,
});

/** A runner whose commands end when they are told to, in turn. */
function held() {
  const under: { readonly command: Command; readonly end: (ran: CommandResult) => void }[] = [];
  const run = batched((command) => new Promise((end) => under.push({ command, end })));
  return {
    run,
    /** Commands under way, and those before them. */
    begun: () => under.map(({ command }) => command.argv.join(" ")),
    /** Ends one, and lets what waits for it begin. */
    end: async (at: number, ran: CommandResult) => {
      under[at]?.end(ran);
      await new Promise((resolve) => setImmediate(resolve));
    },
    at: (at: number) => under[at]?.command,
  };
}

test("what comes while one runs waits for it, and then runs as one", async () => {
  const runner = held();
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

test("after a quiet moment it begins at once again", async () => {
  const runner = held();
  for (const [at, path] of ["a", "b"].entries()) {
    const ran = runner.run(sign(path));
    expect(runner.begun()).toHaveLength(at + 1);
    await runner.end(at, ok());
    expect((await ran).exitCode).toBe(0);
  }
});

test("a failure in company is each one's own", async () => {
  const runner = held();
  const all = ["a", "b", "c"].map((path) => runner.run(sign(path)));
  await runner.end(0, ok());
  await runner.end(1, broken("error: path 'c' is not valid"));
  expect(runner.begun().slice(2)).toEqual(["sign --key k b", "sign --key k c"]);
  await runner.end(3, broken("error: path 'c' is not valid"));
  await runner.end(2, ok());
  expect((await Promise.all(all)).map(({ exitCode }) => exitCode)).toEqual([0, 0, 1]);
});

test("commands that differ in more than their last word, and those that do not gather, run beside each other", () => {
  const runner = held();
  runner.run(sign("a"));
  runner.run(sign("b", { argv: ["sign", "--key", "other", "b"] }));
  runner.run(sign("c", { env: { NIX_SSHOPTS: "-F x" } }));
  runner.run(sign("d", { batchable: undefined }));
  expect(runner.begun()).toEqual([
    ...["sign --key k a", "sign --key other b", "sign --key k c", "sign --key k d"],
  ]);
});
