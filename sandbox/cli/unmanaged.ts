import { join } from "node:path";
import { pathReference } from "../../lib/flake-reference.ts";
import { run } from "../machines/command.ts";
import type { SandboxContext } from "../machines/keeper.ts";
import type { Layout } from "./layout.ts";

/** No binary cache: the sandbox has no Internet access, and its builds use this computer's shell. */
const NIX_CONFIG = "experimental-features = nix-command flakes\nsandbox = false\nsubstituters =";

/** argv that builds the systems of adopted machines before their first deploy; prints the store paths. */
export function buildCommand(
  context: Pick<SandboxContext, "repository">,
  layout: Pick<Layout, "siteDirectory">,
  flake: string,
  hosts: readonly string[],
): readonly string[] {
  return [
    "nix",
    "build",
    "--no-link",
    "--print-out-paths",
    "--no-write-lock-file",
    ...["--override-input", "site", pathReference(layout.siteDirectory)],
    ...["--override-input", "pantheros", pathReference(join(context.repository, "nix"))],
    ...hosts.map((host) => `${flake}#nixosConfigurations.${host}.config.system.build.unmanaged`),
  ];
}

/**
 * Builds the NixOS that each adopted machine runs before its adoption, without anything of this program.
 * One build for all. Returns store paths by host.
 */
export async function unmanagedSystems(
  context: SandboxContext,
  layout: Layout,
  hosts: readonly string[],
): Promise<Readonly<Record<string, string>>> {
  if (hosts.length === 0) return {};
  const flake = process.env["PANTHEROS_FLAKE"] || pathReference(join(context.repository, "sandbox/nix"));
  const built = await run(buildCommand(context, layout, flake, hosts), {
    step: "systems of adopted machines",
    env: { ...process.env, NIX_CONFIG },
    timeout: 600_000,
  });
  // Nix prints the paths in the order of the arguments.
  const paths = built.trim().split("\n");
  return Object.fromEntries(
    hosts.map((host, at) => {
      const path = paths[at] ?? "";
      if (!path.includes(`-nixos-system-${host}-`))
        throw new Error(`${host}: nix built ${path || "nothing"}`);
      return [host, path];
    }),
  );
}
