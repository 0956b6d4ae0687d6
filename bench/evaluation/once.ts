/**
 * `node once.ts ARGUMENTS`: evaluates once, as a preview does, in a process of its own that is
 * measured. Prints seconds and processor seconds as JSON.
 */
import { type EvaluateArgs, evaluate } from "../../deployer/evaluation/evaluate.ts";
import { processorOf } from "../run.ts";

const args = JSON.parse(process.argv[2] ?? "") as EvaluateArgs;
const begin = performance.now();
const found = await Promise.all(
  [...evaluate(args)].map(async ([host, result]) => ({ host, ...(await result) })),
);
const seconds = (performance.now() - begin) / 1000;
for (const each of found) if ("failure" in each) throw new Error(`${each.host}: ${each.failure.reason}`);
// The processor time of a Nix process counts only after it has ended.
process.once("beforeExit", () =>
  console.log(JSON.stringify({ seconds, processor: processorOf(process.pid) })),
);
