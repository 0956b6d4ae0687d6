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

/** A person's command, on their terminal and with their environment. */
const foreground = (argv: readonly string[]): Promise<number> =>
  stream(argv, { cwd: process.cwd(), env: { ...process.env, ...sandboxVariables(context) } });

const program = new Command("sandbox")
  // Options after a command of exec, ssh and shell are that command's.
  .enablePositionalOptions()
  .description("A whole fleet on one machine: emulated vendors, real machines, the real program.")
  .addHelpText(
    "after",
    `
Environment:
  PANTHEROS_SANDBOX_DIR   where this sandbox keeps everything it owns (default: .sandbox in the checkout)
  PANTHEROS_SANDBOX_NAME  prefix of its namespaces and cgroups, for a second one beside it (default: sandbox)
  PANTHEROS_DEBIAN_MIRROR mirror for the machines' image (default: Debian's own)`,
  );

let action: (() => Promise<number>) | undefined;
const run = (body: () => Promise<number>) => {
  action = body;
};

program
  .command("up")
  .description("start everything and run `pulumi up`; safe to run again, also after a kill")
  .option("--no-deploy", "stop before `pulumi up`: network, vendors and adopted machines only")
  .option("--no-vendors", "without the emulated vendors: for a fleet of nothing but adopted machines")
  .action((options: { deploy: boolean; vendors: boolean }) => run(() => up(context, steps, options)));

program
  .command("down")
  .description("`pulumi destroy`, then remove everything; says what, if anything, is left")
  .option("--force", "without `pulumi destroy`", false)
  .option("--keep", "keep keys, secrets and logs for the next `up`", false)
  .action((options: { force: boolean; keep: boolean }) => run(() => down(context, steps, options)));

program
  .command("status")
  .description(
    "network, vendors, machines, and what the stack has published; exit code 1 when something is off",
  )
  .action(() => run(() => status(context, (line) => console.log(line))));

program
  .command("exec")
  .description("run a command in the sandbox's network: dig, curl, nix copy, …")
  .argument("<command...>")
  .passThroughOptions()
  .action((command: string[]) => run(() => foreground(netnsExec(driverNamespace(context.name), command))));

program
  .command("ssh")
  .description("log into a host as the deploy user, with its pinned key")
  .argument("<host>")
  .argument("[command...]")
  .passThroughOptions()
  .action((host: string, command: string[]) =>
    run(async () => foreground(await sshToHost(context, layout, sandboxPlan(context), host, command))),
  );

program
  .command("shell")
  .description("root on a machine without the network, as at the vendor's console")
  .argument("<machine>")
  .argument("[command...]")
  .passThroughOptions()
  .action((machine: string, command: string[]) =>
    run(() => foreground(new Machines(context).shellCommand(machine, command))),
  );

program
  .command("join")
  .description("join a machine to the emulated tailnet with the key that its host was given")
  .argument("<machine>")
  .action((machine: string) =>
    run(() =>
      foreground(new Machines(context).shellCommand(machine, ["sh", "-c", joinScript(TAILSCALE_URL)])),
    ),
  );

program
  .command("machine")
  .description(
    "press a machine's buttons (start, stop, cut the power, reboot), pull its network cable (unplug, slow, plug), fill its disk (fill, free)",
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
      else program.error(`unknown operation ${operation}`);
      return 0;
    }),
  );

program
  .command("logs")
  .description("follow the vendors' log, or the console of a machine")
  .argument("[machine]")
  .option("-n, --lines <count>", "lines to begin with", "40")
  .option("--no-follow", "print and end")
  .action((machine: string | undefined, options: { lines: string; follow: boolean }) => {
    const file =
      machine === undefined ? layout.vendorsLog : join(new Machines(context).paths(machine).console);
    run(() => foreground(["tail", "-n", options.lines, ...(options.follow ? ["-F"] : []), file]));
  });

program.parse();

try {
  process.exitCode = await action?.();
} catch (error) {
  // A named step's failure says all there is to say; a stack trace is for what nobody foresaw.
  const known = error instanceof StepError || (error instanceof Error && error.constructor !== TypeError);
  console.error(known ? `\n${(error as Error).message}` : error);
  process.exitCode = 1;
}
