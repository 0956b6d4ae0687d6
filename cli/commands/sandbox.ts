import { Argument, type Command } from "commander";
import { addNotes } from "../notes.ts";
import { jsonOption } from "../options.ts";

/** Loaded when a command runs, so that other commands and `--help` start fast. */
const load = async () => (await import("../../sandbox/cli/commands.ts")).sandbox;

export function addSandbox(program: Command): void {
  const sandbox = program
    .command("sandbox")
    .description("run a whole fleet on this computer: emulated vendors, real machines, the real program");
  addNotes(
    sandbox,
    `Environment:
  PANTHEROS_SANDBOX_DIR    directory of the sandbox's files (default: .sandbox in the checkout)
  PANTHEROS_SANDBOX_NAME   name of its namespaces and cgroups; a second sandbox needs a different
                           one (default: sandbox)
  PANTHEROS_DEBIAN_MIRROR  mirror for the machines' image (default: Debian's own)`,
  );

  sandbox
    .command("up")
    .description("start everything and run `pulumi up`; can be repeated, also after it was killed")
    .option("--no-deploy", "start the network, the vendors and the adopted machines; do not run `pulumi up`")
    .option("--no-vendors", "do not start the emulated vendors; enough when all hosts are adopted")
    .action(async (options: { deploy: boolean; vendors: boolean }) => {
      process.exitCode = await (await load()).up(options);
    });

  sandbox
    .command("down")
    .description("run `pulumi destroy`, remove everything, and list what could not be removed")
    .option("--force", "skip `pulumi destroy`")
    .option("--keep", "keep keys, secrets and logs for the next `up`")
    .action(async (options: { force?: boolean; keep?: boolean }) => {
      process.exitCode = await (await load()).down({
        force: options.force ?? false,
        keep: options.keep ?? false,
      });
    });

  sandbox
    .command("status")
    .description("show the network, vendors, machines and stack outputs; exit code 1 when something is down")
    .addOption(jsonOption())
    .action(async (options: { json?: boolean }) => {
      process.exitCode = await (await load()).status({ json: options.json ?? false });
    });

  sandbox
    .command("exec")
    .description("run a command in the sandbox's network: dig, curl, nix copy, …")
    .argument("<command...>")
    .passThroughOptions()
    .action(async (command: string[]) => {
      process.exitCode = await (await load()).exec(command);
    });

  sandbox
    .command("ssh")
    .description("log into a host as the deploy user; its host key is checked")
    .argument("<host>")
    .argument("[command...]")
    .passThroughOptions()
    .action(async (host: string, command: string[]) => {
      process.exitCode = await (await load()).ssh(host, command);
    });

  sandbox
    .command("shell")
    .description("open a root shell on a machine without using the network, like a vendor's console")
    .argument("<machine>")
    .argument("[command...]")
    .passThroughOptions()
    .action(async (machine: string, command: string[]) => {
      process.exitCode = await (await load()).shell(machine, command);
    });

  sandbox
    .command("join")
    .description("join a machine to the emulated tailnet with its host's auth key")
    .argument("<machine>")
    .action(async (machine: string) => {
      process.exitCode = await (await load()).join(machine);
    });

  sandbox
    .command("machine")
    .description("change a machine's power, network (unplug, slow, plug) or disk (fill, free)")
    .addArgument(
      new Argument("<operation>").choices([
        ...["start", "stop", "cut", "reboot"],
        ...["unplug", "slow", "plug"],
        ...["fill", "free"],
      ]),
    )
    .argument("<machine>")
    .action(async (operation: string, machine: string) => {
      process.exitCode = await (await load()).machine(operation, machine);
    });

  sandbox
    .command("logs")
    .description("follow the vendors' log, or a machine's console")
    .argument("[machine]")
    .option("-n, --lines <count>", "number of earlier lines to print", "40")
    .option("--no-follow", "print and exit")
    .action(async (machine: string | undefined, options: { lines: string; follow: boolean }) => {
      process.exitCode = await (await load()).logs(machine, options);
    });
}
