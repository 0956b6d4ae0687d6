/** `node once.ts ARGUMENTS`: one evaluation as in a preview, in a process that is measured. Prints what it took as JSON. */
import { type EvaluateArgs, evaluate } from "../../deployer/evaluation/evaluate.ts";
import { processorOf } from "../run.ts";

const args = JSON.parse(process.argv[2] ?? "") as EvaluateArgs;
const begin = performance.now();
const found = await Promise.all(
  [...evaluate(args)].map(async ([host, result]) => ({ host, ...(await result) })),
);
const seconds = (performance.now() - begin) / 1000;
for (const each of found) if ("failure" in each) throw new Error(`${each.host}: ${each.failure.reason}`);
// Once all processes of Nix have ended, which count only then.
process.once("beforeExit", () =>
  console.log(JSON.stringify({ seconds, processor: processorOf(process.pid) })),
);
