import { cpus, totalmem } from "node:os";

/** Describes the computer: processors and memory. */
export function machineText(
  processors: readonly { readonly model: string }[] = cpus(),
  memory: number = totalmem(),
): string {
  const cores = `${processors.length} core${processors.length === 1 ? "" : "s"}`;
  const model = processors[0]?.model.trim() ?? "";
  return `Measured on ${cores}${model === "" || /^unknown/i.test(model) ? "" : ` (${model})`} and ${Math.round(memory / 2 ** 30)} GiB, which the hosts share with the run.`;
}
