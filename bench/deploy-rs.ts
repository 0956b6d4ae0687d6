/** deploy-rs, the peer: installs it into the cache and writes its flake for the measured hosts. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { nixSystem } from "../sandbox/cli/site.ts";
import { buildAtomically } from "../tools/toolchain/paths.ts";
import { deployRsArgv, deployRsSettings } from "./contenders.ts";
import type { BenchFleet } from "./fleet.ts";
import { type Finished, must } from "./run.ts";

const VERSION = "1.0.0";
const BUILD_SECONDS = 1800;

/** Builds deploy-rs from crates.io, once; returns the folder of its programs. */
export async function ensureDeployRs(cache: string, log: (line: string) => void): Promise<string> {
  const folder = path.join(cache, `deploy-rs-${VERSION}`);
  if (!existsSync(path.join(folder, "bin/deploy"))) {
    log(`building deploy-rs ${VERSION} with cargo (one or two minutes)`);
    await buildAtomically(folder, async (part) => {
      const what = ["deploy-rs", "--locked", "--version", VERSION];
      await must(["cargo", "install", "--quiet", ...what, "--root", part], { limit: BUILD_SECONDS });
    });
  }
  return path.join(folder, "bin");
}

export class DeployRs {
  readonly #programs: string;
  readonly #fleet: BenchFleet;

  constructor(programs: string, fleet: BenchFleet) {
    this.#programs = programs;
    this.#fleet = fleet;
  }

  get #flake(): string {
    return this.#fleet.file("deploy-rs", "flake");
  }

  /** Writes, locks and builds the flake for the current fleet, so that none of it is timed. */
  async prepare(): Promise<void> {
    const fleet = this.#fleet;
    const binaries = fleet.file("deploy-rs", "binaries");
    for (const folder of [this.#flake, binaries]) mkdirSync(folder, { recursive: true });
    copyFileSync(path.join(this.#programs, "activate"), path.join(binaries, "activate"));
    const inputs: Readonly<Record<string, string>> = {
      hosts: fleet.flake,
      pantheros: path.join(fleet.root, "nix"),
      site: fleet.file("site"),
      binaries,
    };
    const template = readFileSync(path.join(fleet.root, "bench/deploy-rs/flake.nix"), "utf8");
    const text = template.replace(/@([a-z]+)@/g, (_all, input: string) => inputs[input] ?? "");
    writeFileSync(path.join(this.#flake, "flake.nix"), text);
    const settings = deployRsSettings(fleet.hosts, fleet.directory, nixSystem(process.arch));
    writeFileSync(path.join(this.#flake, "settings.json"), settings);
    rmSync(path.join(this.#flake, "flake.lock"), { force: true });
    await must(["nix", "flake", "lock", `path:${this.#flake}`], { env: fleet.env });
    const profiles = fleet.hosts.map(
      ({ name }) => `path:${this.#flake}#deploy.nodes.${name}.profiles.system.path`,
    );
    await must(["nix", "build", "--no-link", ...profiles], { env: fleet.env });
  }

  deploy(): Promise<Finished> {
    return this.#fleet.inDriver(deployRsArgv(path.join(this.#programs, "deploy"), this.#flake));
  }
}
