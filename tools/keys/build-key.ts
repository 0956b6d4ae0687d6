/** `tools/build-key HOST...`: prints the inventory's line for a host's own signing key. */

import { readFileSync } from "node:fs";
import {
  buildKeyName,
  deriveKey,
  type NixKey,
  parseSecretKey,
  publicKeyText,
} from "../../deployer/build-key.ts";
import { label } from "../../inventory/primitives.ts";
import { messageOf } from "../../lib/message-of.ts";

const HELP = `tools/build-key HOST...   the line \`build_key = …\` for each host's table in the inventory

A host that is built by its own store, or by another host that the fleet does not trust, has its own signing key, which no
other host trusts. The key is derived from the fleet's signing key; only its public half is printed.
  PANTHEROS_SIGNING_KEY   the file with the fleet's key, made by \`nix key generate-secret\`
`;

process.exitCode = main(process.argv.slice(2));

function main(hosts: readonly string[]): number {
  if (hosts.includes("--help") || hosts.includes("-h")) {
    process.stdout.write(HELP);
    return 0;
  }
  const wrong = hosts.find((host) => !label.safeParse(host).success);
  if (hosts.length === 0 || wrong !== undefined) {
    const reason = wrong === undefined ? "name the hosts" : `"${wrong}" is not a valid host name`;
    process.stderr.write(`tools/build-key: ${reason}\n\n${HELP}`);
    return 2;
  }
  const fleet = fleetKey(process.env["PANTHEROS_SIGNING_KEY"] ?? "");
  if (typeof fleet === "string") {
    process.stderr.write(`tools/build-key: ${fleet}\n`);
    return 1;
  }
  for (const host of hosts) {
    const key = publicKeyText(deriveKey(fleet, buildKeyName(fleet, host)));
    process.stdout.write(`build_key = "${key}" # hosts.${host}\n`);
  }
  return 0;
}

/** The key, or why it cannot be read. */
function fleetKey(file: string): NixKey | string {
  if (file === "") return "PANTHEROS_SIGNING_KEY is not set; it names the file with the fleet's signing key";
  try {
    return parseSecretKey(readFileSync(file, "utf8"));
  } catch (error) {
    return `PANTHEROS_SIGNING_KEY (${file}): ${messageOf(error)}`;
  }
}
