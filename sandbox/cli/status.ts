import { existsSync } from "node:fs";
import { daemonProcess } from "../machines/daemon.ts";
import type { SandboxContext } from "../machines/keeper.ts";
import { Machines } from "../machines/machines.ts";
import { driverNamespace, namespacePath } from "../network/names.ts";
import { layoutOf } from "./layout.ts";
import { readOutputs, stackExists } from "./stack.ts";
import { summaryLines, table } from "./summary.ts";
import { vendorsProblem } from "./vendors.ts";

/** `status`: 0 when everything that should run is running. */
export async function status(context: SandboxContext, write: (line: string) => void): Promise<number> {
  const layout = layoutOf(context.directory);
  const driver = driverNamespace(context.name);
  const network = existsSync(namespacePath(driver));
  const vendors = daemonProcess({ pidFile: layout.vendorsPid });
  const problem = !network || vendors === undefined ? "off" : await vendorsProblem(context, 2);
  const machines = new Machines(context);
  const rows = machines.list().map((name) => {
    const record = machines.record(name);
    return {
      name,
      state: machines.state(name),
      wanted: record?.power ?? "-",
      address: record?.addresses.ipv4 ?? "-",
    };
  });
  write(`sandbox ${context.name} in ${context.directory}`);
  write(`network   ${network ? `namespace ${driver}` : "off"}`);
  write(`vendors   ${problem === undefined ? `healthy, process ${vendors?.pid}` : problem}`);
  write("machines");
  for (const line of table(rows.map(({ name, state, address }) => [`  ${name}`, state, address])))
    write(line);
  if (problem === undefined && stackExists(context)) {
    const outputs = await readOutputs(context);
    for (const line of outputs === undefined ? ["the stack has no outputs yet"] : summaryLines(outputs))
      write(line);
  }
  const down = rows.some(({ state, wanted }) => wanted === "on" && state !== "running");
  return problem === undefined && !down ? 0 : 1;
}
