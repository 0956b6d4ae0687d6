/** Programs that a run starts. */
import { accessSync, constants } from "node:fs";
import path from "node:path";
import { isCreated } from "../../../inventory/providers.ts";
import type { Check, Observation } from "../../../lib/check.ts";
import { type DoctorContext, runProgram } from "../context.ts";

/** Versions as `1.2.3`; parts that are missing count as 0. */
function isOlder(version: string, minimum: string): boolean {
  const parts = (text: string) => text.split(".").map(Number);
  const [a, b] = [parts(version), parts(minimum)];
  for (const [at, wanted] of b.entries()) {
    const found = a[at] ?? 0;
    if (found !== wanted) return found < wanted;
  }
  return false;
}

/** A program whose version matters. */
interface Versioned {
  readonly argv: readonly string[];
  readonly minimum: string;
  /** What needs it. */
  readonly why: string;
  readonly fix: string;
}

/** Judges what `PROGRAM --version` printed. */
function versionProblems(
  { argv, minimum, why, fix }: Versioned,
  {
    exitCode,
    stdout,
    stderr,
  }: { readonly exitCode: number | null; readonly stdout: string; readonly stderr: string },
): Observation[] {
  const [program = ""] = argv;
  if (exitCode !== 0) {
    const reason = stderr.trim().split("\n").at(-1) || `exit code ${exitCode}`;
    return [{ what: `${path.basename(program)} cannot be run: ${reason}`, why, fix }];
  }
  const [version] = /\d+\.\d+(\.\d+)?/.exec(stdout) ?? [];
  if (version === undefined || !isOlder(version, minimum)) return [];
  return [{ what: `${path.basename(program)} is ${version}, older than ${minimum}`, why, fix }];
}

function isOnPath(program: string, { PATH = "" }: NodeJS.ProcessEnv): boolean {
  const places = program.includes("/") ? [program] : PATH.split(":").map((each) => path.join(each, program));
  return places.some((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * Minima: Node and Pulumi are those of tools/versions.sh. `nix` needs 2.19, whose `path-info --json` the deploys read
 * (Nix release notes 2.19); `op` needs service accounts that manage items (1Password CLI release notes, 2.23).
 */
export function toolChecks(context: DoctorContext): Check[] {
  const { env, plan } = context;
  const versioned = (program: Versioned): Check => ({
    name: path.basename(program.argv[0] ?? ""),
    run: async () => versionProblems(program, await runProgram(program.argv)),
  });
  const present = (program: string, why: string, fix: string): Check => ({
    name: program,
    run: () => (isOnPath(program, env) ? [] : [{ what: `${program} is not on PATH`, why, fix }]),
  });
  const setup = "make setup";
  return [
    versioned({
      argv: [process.execPath, "--version"],
      minimum: env["PANTHEROS_NODE_MINIMUM"] ?? "22.18.0",
      why: "the program is TypeScript that Node runs without a build",
      fix: setup,
    }),
    versioned({
      argv: ["pulumi", "version"],
      minimum: env["PANTHEROS_PULUMI_VERSION"] ?? "3.258.0",
      why: "the engine and the SDK of package.json must fit together",
      fix: setup,
    }),
    versioned({
      argv: ["nix", "--version"],
      minimum: "2.19",
      why: "Nix evaluates, builds and copies the hosts' systems",
      fix: "install Nix 2.19 or later (nixos.org/download), with the features nix-command and flakes",
    }),
    versioned({
      argv: [env["OP_CLI_PATH"] || "op", "--version"],
      minimum: "2.23",
      why: "secrets are read from 1Password, and new keys stored there",
      fix: "install the 1Password CLI 2.23 or later (developer.1password.com/docs/cli), or set OP_CLI_PATH to it",
    }),
    present("ssh", "every host is reached by OpenSSH", "install OpenSSH's client"),
    present("ssh-keygen", "the program makes the host keys of created servers", "install OpenSSH's client"),
    present("git", "a deploy records the commit that it deploys", "install git"),
    ...(plan.hosts.some(isCreated)
      ? [
          present(
            "nixos-anywhere",
            "it installs NixOS on created servers",
            "nix profile install github:nix-community/nixos-anywhere",
          ),
        ]
      : []),
  ];
}
