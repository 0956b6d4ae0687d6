import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { firstLine, run } from "./command.ts";
import { extractCommand, extractionTools, MIRROR_HINT } from "./extract.ts";
import { buildAtomically, type SetupContext } from "./paths.ts";
import type { Step } from "./steps.ts";

/** Oldest Nix that supports the program's commands. */
const MINIMUM: readonly [number, number] = [2, 20];

/**
 * Configuration of the extracted Nix. A computer without Nix has no build users, and the builds of the sandbox use
 * its shell. The sandbox paths matter only for a user without /nix, whose store is always sandboxed.
 */
const NIX_CONFIGURATION = [
  "experimental-features = nix-command flakes",
  "sandbox = false",
  "sandbox-paths = /bin=/bin? /usr=/usr? /lib=/lib? /lib64=/lib64?",
  "build-users-group =",
  "",
].join("\n");

/** Whether this output of `nix --version` is at least the oldest supported version. */
export function isRecentNix(line: string | undefined): boolean {
  const [, major, minor] = /(\d+)\.(\d+)/.exec(line ?? "") ?? [];
  if (major === undefined || minor === undefined) return false;
  return Number(major) > MINIMUM[0] || (Number(major) === MINIMUM[0] && Number(minor) >= MINIMUM[1]);
}

/** Debian's paths of libraries and the loader, by processor. */
const LIBRARIES = {
  x64: { folder: "usr/lib/x86_64-linux-gnu", loader: "usr/lib64/ld-linux-x86-64.so.2" },
  arm64: { folder: "usr/lib/aarch64-linux-gnu", loader: "usr/lib/ld-linux-aarch64.so.1" },
} as const;

/** A wrapper that sets the extracted Nix's configuration, unless the user has set one. */
export function nixWrapper(target: string, program: string): string {
  return [
    "#!/bin/sh",
    `export NIX_CONF_DIR="\${NIX_CONF_DIR:-${target}/etc}"`,
    `exec "${target}/root/usr/bin/${program}" "$@"`,
    "",
  ].join("\n");
}

/** Nix: the installed one if it is recent enough, otherwise Debian's, extracted into the cache and patched to run there. */
export function nixStep(setup: SetupContext, after: readonly string[]): Step {
  const target = path.join(setup.cache, `nix-${setup.nixVersion}`);
  const { folder, loader } = LIBRARIES[setup.arch];
  return {
    name: "nix",
    after,
    description: `extracting Nix ${setup.nixVersion} from Debian ${setup.nixSuite} (about 10 s)`,
    present() {
      const line = firstLine(["nix", "--version"]);
      return isRecentNix(line) ? line : undefined;
    },
    async install() {
      const tools = await extractionTools(setup, "nix", `install Nix >= ${MINIMUM.join(".")}`);
      await buildAtomically(target, async (part) => {
        const root = path.join(part, "root");
        const log = (name: string) => path.join(setup.cache, "logs", `nix-${name}.log`);
        await run(extractCommand({ suite: setup.nixSuite, packages: ["nix-bin", "bash-static"], root }), {
          step: "nix",
          log: log("mmdebstrap"),
          seconds: 600,
          env: tools,
          hint: MIRROR_HINT,
        });
        const patch = ["--set-interpreter", path.join(target, "root", loader), "--force-rpath"];
        const libraries = path.join(target, "root", folder);
        await run(["patchelf", ...patch, "--set-rpath", libraries, path.join(root, "usr/bin/nix")], {
          step: "nix",
          log: log("patchelf"),
          seconds: 60,
          env: tools,
        });
        mkdirSync(path.join(part, "etc"));
        writeFileSync(path.join(part, "etc/nix.conf"), NIX_CONFIGURATION);
        mkdirSync(path.join(part, "bin"));
        for (const program of readdirSync(path.join(root, "usr/bin")).filter((name) =>
          /^nix(-|$)/.test(name),
        )) {
          writeFileSync(path.join(part, "bin", program), nixWrapper(target, program), { mode: 0o755 });
        }
        // Its owner, root or the user, must be able to remove the tree.
        chmodSync(part, 0o755);
      });
      const line = firstLine([path.join(target, "bin/nix"), "--version"]);
      if (!isRecentNix(line))
        throw new Error(`nix: the extracted program does not run (${line ?? "no output"})`);
    },
  };
}
