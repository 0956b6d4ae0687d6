/** `tools/build-key HOST...`: the line of the inventory for a host's own signing key. */
import { readFileSync } from "node:fs";
import {
  buildKeyName,
  deriveKey,
  type NixKey,
  parseSecretKey,
  publicKeyText,
} from "../../deployer/build-key.ts";
import { label } from "../../inventory/primitives.ts";

const help = `tools/build-key HOST...   the line \`build_key = …\` for each host's table in the inventory

A host that is built by its own store, or by another host that the fleet does not trust, has a signing key of its own, which
no other host trusts. It is derived from the fleet's signing key; only its public half is printed.
  PANTHEROS_SIGNING_KEY   the file with the fleet's key, that \`nix key generate-secret\` made
`;

process.exitCode = main(process.argv.slice(2));

function main(hosts: readonly string[]): number {
  if (hosts.includes("--help") || hosts.includes("-h")) {
    process.stdout.write(help);
    return 0;
  }
  const wrong = hosts.find((host) => !label.safeParse(host).success);
  if (hosts.length === 0 || wrong !== undefined) {
    const reason = wrong === undefined ? "name the hosts" : `"${wrong}" is not a host's name`;
    process.stderr.write(`tools/build-key: ${reason}\n\n${help}`);
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

/** The key, or why there is none. */
function fleetKey(file: string): NixKey | string {
  if (file === "") return "PANTHEROS_SIGNING_KEY is not set: the file with the fleet's signing key";
  try {
    return parseSecretKey(readFileSync(file, "utf8"));
  } catch (error) {
    return `PANTHEROS_SIGNING_KEY (${file}): ${error instanceof Error ? error.message : String(error)}`;
  }
}
