/** Entry point of the control centre's service, which tools/centre/bundle.ts bundles: `pantheros centre` alone. */
import { Command } from "commander";
import { messageOf } from "../../lib/message-of.ts";
import { addCentre } from "../commands/centre.ts";

const program = new Command("pantheros-centre");
addCentre(program);
try {
  await program.parseAsync(["centre", ...process.argv.slice(2)], { from: "user" });
} catch (error) {
  console.error(`pantheros-centre: ${messageOf(error)}`);
  process.exitCode = 1;
}
