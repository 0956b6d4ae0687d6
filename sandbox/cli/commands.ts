/**
 * The commands of `pantheros sandbox`; cli/commands/sandbox.ts has their options. Each returns the
 * exit code.
 */
import { join, resolve } from "node:path";
import { sandboxFromEnvironment } from "../machines/context.ts";
import { Machines } from "../machines/machines.ts";
import { driverNamespace, netnsExec } from "../network/names.ts";
import { down } from "./down.ts";
import { sshToHost } from "./hosts.ts";
import { joinScript } from "./join.ts";
import { layoutOf } from "./layout.ts";
import { printStatus } from "./status.ts";
import { createSteps } from "./steps.ts";
import { stream } from "./stream.ts";
import { sandboxPlan, type UpOptions, up } from "./up.ts";
import { sandboxVariables, TAILSCALE_URL } from "./vendors.ts";

const repository = resolve(import.meta.dirname, "../..");
const steps = createSteps((line) => console.log(line));
const context = sandboxFromEnvironment(repository, process.env, (message) => steps.log(message));
const layout = layoutOf(context.directory);

/**
 * Runs the user's command on the user's terminal, with the sandbox's variables added to the
 * environment.
 */
const foreground = (argv: readonly string[]): Promise<number> =>
  stream(argv, { cwd: process.cwd(), env: { ...process.env, ...sandboxVariables(context) } });

/** Changes of a machine's power, network or disk, by name. */
const OPERATIONS: Readonly<Record<string, (machines: Machines, machine: string) => unknown>> = {
  start: (machines, machine) => machines.start(machine),
  stop: (machines, machine) => machines.stop(machine, "clean"),
  cut: (machines, machine) => machines.stop(machine, "force"),
  reboot: (machines, machine) => machines.reboot(machine),
  unplug: (machines, machine) => machines.cable(machine, "unplugged"),
  slow: (machines, machine) => machines.cable(machine, "slow"),
  plug: (machines, machine) => machines.cable(machine, "plugged"),
  fill: (machines, machine) => machines.space(machine, 512),
  free: (machines, machine) => machines.space(machine, undefined),
};

export const sandbox = {
  up: (options: UpOptions) => up(context, steps, options),
  down: (options: { readonly force: boolean; readonly keep: boolean }) => down(context, steps, options),
  status: (options: { readonly json: boolean }) => printStatus(context, options),
  /** Runs a command in the sandbox's network. */
  exec: (command: readonly string[]) => foreground(netnsExec(driverNamespace(context.name), command)),
  ssh: async (host: string, command: readonly string[]) =>
    foreground(await sshToHost({ context, layout, plan: sandboxPlan(context), host, command })),
  shell: (machine: string, command: readonly string[]) =>
    foreground(new Machines(context).shellCommand(machine, command)),
  /** Joins a machine to the emulated tailnet. */
  join: (machine: string) =>
    foreground(new Machines(context).shellCommand(machine, ["sh", "-c", joinScript(TAILSCALE_URL)])),
  machine: async (operation: string, machine: string) => {
    await OPERATIONS[operation]?.(new Machines(context), machine);
    return 0;
  },
  /** Prints the vendors' log, or a machine's console. */
  logs: (
    machine: string | undefined,
    { lines, follow }: { readonly lines: string; readonly follow: boolean },
  ) => {
    const file =
      machine === undefined ? layout.vendorsLog : join(new Machines(context).paths(machine).console);
    return foreground(["tail", "-n", lines, ...(follow ? ["-F"] : []), file]);
  },
};
