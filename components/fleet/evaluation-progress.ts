import * as pulumi from "@pulumi/pulumi";
import type { Evaluation } from "../../deployer/evaluation/evaluate.ts";

const PERIOD_MS = 2000;

/** Shows the progress of an evaluation every two seconds, in the stack's line of Pulumi's display. */
export function reportEvaluation(evaluation: Evaluation): void {
  const begin = Date.now();
  let done = 0;
  const timer = setInterval(() => {
    const seconds = Math.round((Date.now() - begin) / 1000);
    const message = `evaluated ${done} of ${evaluation.size} hosts, ${seconds} s`;
    pulumi.log.info(message, undefined, undefined, true).catch(() => {});
  }, PERIOD_MS);
  const count = () => {
    done += 1;
    if (done === evaluation.size) clearInterval(timer);
  };
  for (const result of evaluation.values()) result.then(count, count);
  if (evaluation.size === 0) clearInterval(timer);
}
