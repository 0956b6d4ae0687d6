import type { Command } from "commander";
import type { DoctorOptions } from "../doctor/doctor.ts";
import { addNotes } from "../notes.ts";
import { configFileOption, jsonOption, stackOption, wholeNumber } from "../options.ts";
import { ROOT } from "../root.ts";

/** Default time limit of one check, in seconds. */
const CHECK_SECONDS = 30;

export function addDoctor(program: Command): void {
  const command = program
    .command("doctor")
    .description("check what a first run needs: tools, keys, tokens, accounts, machines")
    .addOption(stackOption())
    .option("--only <areas>", "only these areas, separated by commas")
    .option("--resolver <address>", "DNS server that is asked for the zone's delegation")
    .option("--server-limit <n>", "servers that the account may have", wholeNumber(0, 10_000))
    .option("--address-limit <n>", "primary IP addresses that the account may have", wholeNumber(0, 10_000))
    .option("--timeout <seconds>", "time limit of one check", wholeNumber(1, 600), CHECK_SECONDS)
    .addOption(jsonOption())
    .addOption(configFileOption())
    .action(async (options: DoctorOptions) => {
      const { doctor } = await import("../doctor/doctor.ts");
      process.exitCode = await doctor(options, ROOT);
    });
  addNotes(
    command,
    `It changes nothing, and prints for each finding what is wrong, why it matters, and what fixes it.
The areas are inventory, policy, promotion, tools, keys, flake, state, vault, dns, buckets, tailnet,
hosts, and the kind of each provider that creates machines. The checks run at the same time; one
that has no result says why and hides no other. It needs the variables and tokens of \`up\`: run it
with op run --env-file STACK.env.

The exit code is 0 when nothing was found, and 1 when there is a finding, or a check without a
result. The account's limits are compared only when they are given, because no API tells them.`,
  );
}
