import { type Command, Option } from "commander";
import type { InitCommandOptions } from "../init/init.ts";
import { addNotes } from "../notes.ts";
import { configFileOption, jsonOption } from "../options.ts";
import { ROOT } from "../root.ts";

const added = (value: string, before: readonly string[] | undefined): string[] => [...(before ?? []), value];

export function addInit(program: Command): void {
  const command = program
    .command("init")
    .description("write the inventory and the stack's file of a new fleet; asks what the options leave out")
    .option("-s, --stack <name>", "the stack and its environment (production)")
    .option("--domain <name>", "domain of the fleet")
    .option(
      "--host <host>",
      "NAME=PROVIDER:TYPE:LOCATION to create it, or NAME=VENDOR:ADDRESS to adopt it; repeatable",
      added,
    )
    .option("--host-key <key>", "NAME=KEY, the host key of an adopted machine; repeatable", added)
    .option("--deploy-key <key>", "public line or file of the deploy key (PANTHEROS_SSH_KEY)")
    .option("--signing-key <key>", "public half or file of the signing key (PANTHEROS_SIGNING_KEY)")
    .option("--vault <name>", "1Password vault of the program (pantherOS)")
    .option("--source <network>", "network of the runner; repeatable", added)
    .addOption(
      new Option("--address <kind>", "how deploys reach hosts after the installation").choices([
        "tailnet",
        "public",
      ]),
    )
    .option("--zone <name>", "zone at Cloudflare; without it no DNS")
    .option("--region <name>", "region of Backblaze B2; without it no buckets")
    .option("--bucket-prefix <name>", "before the names of the buckets (from the domain)")
    .option("--tailnet <name>", "name of the tailnet; without it no tailnet")
    .option("--suffix <name>", "MagicDNS suffix of the tailnet")
    .option("--admin <login>", "administrator of the tailnet; repeatable", added)
    .option("--fleet <file>", "the inventory to write (nix/fleet.toml)")
    .option("--no-env-file", "write no STACK.env with references for op run")
    .option("--overwrite", "replace existing files without a question")
    .addOption(jsonOption())
    .addOption(configFileOption())
    .action(async (options: InitCommandOptions) => {
      const { init } = await import("../init/init.ts");
      process.exitCode = await init(options, ROOT);
    });
  addNotes(
    command,
    `It writes nix/fleet.toml, Pulumi.STACK.yaml and STACK.env. Everything is checked as a run checks it
before anything is written, and a file that exists and differs is replaced only after a question, or
with --overwrite. Other keys of an existing Pulumi.STACK.yaml stay, and an existing STACK.env is
never touched. Only public halves of keys are written; STACK.env has references to 1Password.

Without a terminal nothing is asked, and an error names the options that are missing.`,
  );
}
