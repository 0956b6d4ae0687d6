import { existsSync } from "node:fs";
import { table } from "../../lib/table.ts";
import type { StackOutputs } from "../../outputs/contract.ts";
import { daemonProcess } from "../machines/daemon.ts";
import type { SandboxContext } from "../machines/keeper.ts";
import { Machines } from "../machines/machines.ts";
import { driverNamespace, namespacePath } from "../network/names.ts";
import { layoutOf } from "./layout.ts";
import { readOutputs, stackExists } from "./stack.ts";
import { summaryLines } from "./summary.ts";
import { vendorsProblem } from "./vendors.ts";

interface MachineStatus {
  readonly name: string;
  readonly state: string;
  /** Whether it should be running. */
  readonly wanted: boolean;
  readonly ipv4?: string;
}

/** The answer of `status --json`. */
interface SandboxStatus {
  readonly schemaVersion: 1;
  readonly name: string;
  readonly directory: string;
  /** The network namespace, if it exists. */
  readonly namespace?: string;
  readonly vendors: { readonly healthy: boolean; readonly pid?: number; readonly problem?: string };
  readonly machines: readonly MachineStatus[];
  /** The stack's outputs (outputs/contract.ts); absent before the first `up`. */
  readonly outputs?: StackOutputs;
}

async function sandboxStatus(context: SandboxContext): Promise<SandboxStatus> {
  const layout = layoutOf(context.directory);
  const namespace = driverNamespace(context.name);
  const network = existsSync(namespacePath(namespace));
  const vendors = daemonProcess({ pidFile: layout.vendorsPid });
  const problem = !network || vendors === undefined ? "off" : await vendorsProblem(context, 2);
  const machines = new Machines(context);
  const outputs = problem === undefined && stackExists(context) ? await readOutputs(context) : undefined;
  return {
    schemaVersion: 1,
    name: context.name,
    directory: context.directory,
    ...(network && { namespace }),
    vendors: {
      healthy: problem === undefined,
      ...(vendors !== undefined && { pid: vendors.pid }),
      ...(problem !== undefined && { problem }),
    },
    machines: machines.list().map((name) => {
      const record = machines.record(name);
      const ipv4 = record?.addresses.ipv4;
      return {
        name,
        state: machines.state(name),
        wanted: record?.power === "on",
        ...(ipv4 !== undefined && { ipv4 }),
      };
    }),
    ...(outputs !== undefined && { outputs }),
  };
}

function textOf({ name, directory, namespace, vendors, machines, outputs }: SandboxStatus): string[] {
  const rows = machines.map((machine) => [`  ${machine.name}`, machine.state, machine.ipv4 ?? "-"]);
  return [
    `sandbox ${name} in ${directory}`,
    `network   ${namespace === undefined ? "off" : `namespace ${namespace}`}`,
    `vendors   ${vendors.problem ?? `healthy, process ${vendors.pid}`}`,
    "machines",
    ...table(rows),
    ...(outputs === undefined
      ? vendors.healthy
        ? ["the stack has no outputs yet"]
        : []
      : summaryLines(outputs)),
  ];
}

/** Prints the sandbox's status; 0 when everything that should run is running. */
export async function printStatus(context: SandboxContext, { json }: { json: boolean }): Promise<number> {
  const status = await sandboxStatus(context);
  process.stdout.write(json ? `${JSON.stringify(status, undefined, 2)}\n` : `${textOf(status).join("\n")}\n`);
  const down = status.machines.some(({ state, wanted }) => wanted && state !== "running");
  return status.vendors.healthy && !down ? 0 : 1;
}
