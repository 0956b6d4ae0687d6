import { join, resolve } from "node:path";
import { Command } from "commander";
import { StepError } from "../machines/command.ts";
import { sandboxFromEnvironment } from "../machines/context.ts";
import { Machines } from "../machines/machines.ts";
import { driverNamespace, netnsExec } from "../network/names.ts";
import { down } from "./down.ts";
import { sshToHost } from "./hosts.ts";
import { joinScript } from "./join.ts";
import { layoutOf } from "./layout.ts";
import { status } from "./status.ts";
import { createSteps } from "./steps.ts";
import { stream } from "./stream.ts";
import { sandboxPlan, up } from "./up.ts";
import { sandboxVariables, TAILSCALE_URL } from "./vendors.ts";

const repository = resolve(import.meta.dirname, "../..");
const steps = createSteps((line) => console.log(line));
const context = sandboxFromEnvironment(repository, process.env, (message) => steps.log(message));
const layout = layoutOf(context.directory);

/** Runs the user's command on the user's terminal, with the sandbox's variables added to the environment. */
const foreground = (argv: readonly string[]): Promise<number> =>
  stream(argv, { cwd: process.cwd(), env: { ...process.env, ...sandboxVariables(context) } });

const program = new Command("sandbox")
  // Options after the command given to exec, ssh or shell belong to that command.
  .enablePositionalOptions()
  .description("Run a whole fleet on this computer: emulated vendors, real machines, the real program.")
  .addHelpText(
    "after",
    `
Environment:
  PANTHEROS_SANDBOX_DIR    directory of the sandbox's files (default: .sandbox in the checkout)
  PANTHEROS_SANDBOX_NAME   name of its namespaces and cgroups; a second sandbox needs a different one (default: sandbox)
  PANTHEROS_DEBIAN_MIRROR  mirror for the machines' image (default: Debian's own)`,
  );

let action: (() => Promise<number>) | undefined;
const run = (body: () => Promise<number>) => {
  action = body;
};

program
  .command("up")
  .description("start everything and run `pulumi up`; can be repeated, also after it was killed")
  .option("--no-deploy", "start the network, the vendors and the adopted machines; do not run `pulumi up`")
  .option("--no-vendors", "do not start the emulated vendors; enough when all hosts are adopted")
  .action((options: { deploy: boolean; vendors: boolean }) => run(() => up(context, steps, options)));

program
  .command("down")
  .description("run `pulumi destroy`, remove everything, and list what could not be removed")
  .option("--force", "skip `pulumi destroy`", false)
  .option("--keep", "keep keys, secrets and logs for the next `up`", false)
  .action((options: { force: boolean; keep: boolean }) => run(() => down(context, steps, options)));

program
  .command("status")
  .description("show the network, vendors, machines and stack outputs; exit code 1 when something is down")
  .action(() => run(() => status(context, (line) => console.log(line))));

program
  .command("exec")
  .description("run a command in the sandbox's network: dig, curl, nix copy, …")
  .argument("<command...>")
  .passThroughOptions()
  .action((command: string[]) => run(() => foreground(netnsExec(driverNamespace(context.name), command))));

program
  .command("ssh")
  .description("log into a host as the deploy user; its host key is checked")
  .argument("<host>")
  .argument("[command...]")
  .passThroughOptions()
  .action((host: string, command: string[]) =>
    run(async () => foreground(await sshToHost(context, layout, sandboxPlan(context), host, command))),
  );

program
  .command("shell")
  .description("open a root shell on a machine without using the network, like a vendor's console")
  .argument("<machine>")
  .argument("[command...]")
  .passThroughOptions()
  .action((machine: string, command: string[]) =>
    run(() => foreground(new Machines(context).shellCommand(machine, command))),
  );

program
  .command("join")
  .description("join a machine to the emulated tailnet with its host's auth key")
  .argument("<machine>")
  .action((machine: string) =>
    run(() =>
      foreground(new Machines(context).shellCommand(machine, ["sh", "-c", joinScript(TAILSCALE_URL)])),
    ),
  );

program
  .command("machine")
  .description(
    "change a machine's power (start, stop, cut, reboot), network (unplug, slow, plug) or disk (fill, free)",
  )
  .argument("<operation>", "start | stop | cut | reboot | unplug | slow | plug | fill | free")
  .argument("<machine>")
  .action((operation: string, machine: string) =>
    run(async () => {
      const machines = new Machines(context);
      if (operation === "start") await machines.start(machine);
      else if (operation === "stop") await machines.stop(machine, "clean");
      else if (operation === "cut") await machines.stop(machine, "force");
      else if (operation === "reboot") await machines.reboot(machine);
      else if (operation === "unplug") await machines.cable(machine, "unplugged");
      else if (operation === "slow") await machines.cable(machine, "slow");
      else if (operation === "plug") await machines.cable(machine, "plugged");
      else if (operation === "fill") await machines.space(machine, 512);
      else if (operation === "free") await machines.space(machine, undefined);
      else program.error(`unknown operation ${operation}; see tools/sandbox machine --help`);
      return 0;
    }),
  );

program
  .command("logs")
  .description("follow the vendors' log, or a machine's console")
  .argument("[machine]")
  .option("-n, --lines <count>", "number of earlier lines to print", "40")
  .option("--no-follow", "print and exit")
  .action((machine: string | undefined, options: { lines: string; follow: boolean }) => {
    const file =
      machine === undefined ? layout.vendorsLog : join(new Machines(context).paths(machine).console);
    run(() => foreground(["tail", "-n", options.lines, ...(options.follow ? ["-F"] : []), file]));
  });

program.parse();

try {
  process.exitCode = await action?.();
} catch (error) {
  // Expected errors carry a complete message; only a bug needs a stack trace.
  const known = error instanceof StepError || (error instanceof Error && error.constructor !== TypeError);
  console.error(known ? `\n${(error as Error).message}` : error);
  process.exitCode = 1;
}
