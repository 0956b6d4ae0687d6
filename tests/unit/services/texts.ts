import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { evaluate } from "../nix/nix.ts";

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** sshd's configuration as NixOS writes it: `KEY value` lines, booleans as yes and no, lists with commas. */
export function sshdConfig(): string {
  const settings = evaluate(
    '(import (nix + "/lib/ssh.nix")) { allowForwarding = false; rootLogin = "no"; }',
  ) as Readonly<Record<string, unknown>>;
  const match = evaluate('(import (nix + "/lib/deploy-account.nix")).sshd "deploy"') as string;
  const word = (value: unknown) =>
    typeof value === "boolean"
      ? value
        ? "yes"
        : "no"
      : Array.isArray(value)
        ? value.join(",")
        : String(value);
  const lines = Object.entries(settings).map(([key, value]) => `${key} ${word(value)}`);
  return ["HostKey /work/key", "UsePAM no", ...lines, match].join("\n");
}
