import { lstatSync } from "node:fs";
import { join } from "node:path";
import { attempt, run, StepError } from "../machines/command.ts";
import type { SandboxContext } from "../machines/keeper.ts";
import type { Machines } from "../machines/machines.ts";
import { waitFor } from "../machines/wait.ts";
import { driverNamespace, inNamespace } from "../network/names.ts";
import type { Layout } from "./layout.ts";

const SSH_SECONDS = 60;

/** Nix of the sandbox asks no binary cache: there is no way out, and its builds use this computer's own shell. */
const NIX_CONFIG = "experimental-features = nix-command flakes\nsandbox = false\nsubstituters =";

/** argv that builds the system which an adopted machine runs before anybody deploys to it; prints its path. */
export function buildCommand(
  context: Pick<SandboxContext, "repository">,
  layout: Pick<Layout, "siteDirectory">,
  flake: string,
  host: string,
): readonly string[] {
  return [
    "nix",
    "build",
    "--no-link",
    "--print-out-paths",
    "--no-write-lock-file",
    ...["--override-input", "site", `path:${layout.siteDirectory}`],
    ...["--override-input", "pantheros", `path:${join(context.repository, "nix")}`],
    `${flake}#nixosConfigurations.${host}.config.system.build.unmanaged`,
  ];
}

function sshOptions(layout: Layout): readonly string[] {
  return [
    `UserKnownHostsFile=${layout.knownHosts}`,
    "GlobalKnownHostsFile=/dev/null",
    "StrictHostKeyChecking=yes",
  ];
}

/** argv that puts the system onto the machine, which keeps its host key, and reboots into it. */
export function installCommand(
  context: Pick<SandboxContext, "repository">,
  layout: Layout,
  system: string,
  address: string,
): readonly string[] {
  return [
    join(context.repository, "sandbox/nixos-anywhere"),
    ...["--store-paths", system, system, "--copy-host-keys", "--phases", "install,reboot"],
    ...["-i", layout.deployKey],
    ...sshOptions(layout).flatMap((option) => ["--ssh-option", option]),
    ...["--target-host", `root@${address}`],
  ];
}

/** Does the machine boot a system closure already? Read from its disk; the link points into the machine's store. */
function isInstalled(upper: string): boolean {
  return lstatSync(join(upper, "boot/pantheros-default"), { throwIfNoEntry: false }) !== undefined;
}

/**
 * Machines that are adopted run a NixOS of their owner's: each gets one, once, that knows nothing of deploys.
 * Returns whether there was anything to do.
 */
export async function ensureUnmanagedSystem(
  context: SandboxContext,
  layout: Layout,
  machines: Machines,
  name: string,
  address: string,
): Promise<boolean> {
  if (isInstalled(machines.paths(name).upper)) return false;
  const step = `system of ${name}`;
  const env = { ...process.env, NIX_CONFIG };
  const flake = process.env["PANTHEROS_FLAKE"] || `path:${join(context.repository, "sandbox/nix")}`;
  const built = await run(buildCommand(context, layout, flake, name), { step, env, timeout: 300_000 });
  const inDriver = (argv: readonly string[]) => inNamespace(driverNamespace(context.name), argv);
  const options = [...sshOptions(layout), "BatchMode=yes", "ConnectTimeout=2"].flatMap((option) => [
    "-o",
    option,
  ]);
  const hello = ["ssh", "-i", layout.deployKey, ...options, `root@${address}`, "true"];
  const answered = await waitFor(SSH_SECONDS, async () =>
    (await attempt(inDriver(hello), { step })).code === 0 ? true : undefined,
  );
  if (answered === undefined)
    throw new StepError(step, `ssh root@${address}`, undefined, `no answer in ${SSH_SECONDS} s`);
  await run(inDriver(installCommand(context, layout, built.trim(), address)), {
    step,
    env,
    timeout: 300_000,
  });
  return true;
}
