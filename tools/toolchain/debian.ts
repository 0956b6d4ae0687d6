import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { browserPackages } from "./browser.ts";
import { onPath, run } from "./command.ts";
import type { SetupContext } from "./paths.ts";
import type { Step } from "./steps.ts";

/** Debian and Ubuntu packages of the sandbox. */
const PACKAGES = [
  "mmdebstrap",
  "debian-archive-keyring",
  "patchelf",
  "systemd-container",
  "iproute2",
  "nftables",
  "pdns-server",
  "pdns-backend-sqlite3",
  "sqlite3",
  "bind9-dnsutils",
  "openssh-client",
  "curl",
  "busybox-static",
  "jq",
  "shellcheck",
] as const;

/** Services of these packages, which set-up disables: the sandbox starts its own instances. */
const SERVICES = ["pdns.service"] as const;

const POLICY = "/usr/sbin/policy-rc.d";
const POLICY_TEXT =
  "#!/bin/sh\n# pantheros tools/setup: no service starts while packages are installed\nexit 101\n";

/** Packages that are not installed; `query` is the output of `dpkg-query -W -f '${Package} ${db:Status-Status}\n'`. */
export function missingPackages(wanted: readonly string[], query: string): string[] {
  const installed = new Set(
    query
      .split("\n")
      .map((line) => line.split(" "))
      .filter(([, status]) => status === "installed")
      .map(([name]) => name),
  );
  return wanted.filter((name) => !installed.has(name));
}

export function debianStep({ cache }: SetupContext): Step {
  // Exists during an installation, so that the next set-up cleans up after an interrupted one.
  const unfinished = path.join(cache, "debian-services");
  const missing = () => missingPackages(wantedPackages(), queryPackages());
  return {
    name: "Debian packages",
    after: [],
    description: "apt-get install from the package mirror (20-90 s)",
    present() {
      cleanUp(unfinished);
      const left = missing();
      return left.length === 0 ? `all ${wantedPackages().length} installed` : undefined;
    },
    async install() {
      const packages = missing();
      const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
      const options = { step: "Debian packages", env, seconds: 900 };
      const lock = ["-o", "DPkg::Lock::Timeout=300"];
      mkdirSync(cache, { recursive: true });
      if (packages.includes("pdns-server")) writeFileSync(unfinished, SERVICES.join("\n"));
      const forbid = !existsSync(POLICY);
      if (forbid) writeFileSync(POLICY, POLICY_TEXT, { mode: 0o755 });
      try {
        await run(["apt-get", ...lock, "update", "--quiet"], {
          ...options,
          log: path.join(cache, "logs", "apt-update.log"),
        });
        await run(
          ["apt-get", ...lock, "install", "--yes", "--quiet", "--no-install-recommends", ...packages],
          {
            ...options,
            log: path.join(cache, "logs", "apt-install.log"),
          },
        );
      } finally {
        cleanUp(unfinished);
      }
    },
  };
}

/** PACKAGES, a browser, and what Python makes a virtual environment with, where these are not there already. */
function wantedPackages(): string[] {
  const venv = spawnSync("python3", ["-c", "import ensurepip, venv"], { stdio: "ignore" }).status === 0;
  return [...PACKAGES, ...browserPackages(), ...(venv ? [] : ["python3", "python3-venv"])];
}

function queryPackages(): string {
  const format = "-f=$" + "{Package} $" + "{db:Status-Status}\n";
  return spawnSync("dpkg-query", ["-W", format, ...wantedPackages()], { encoding: "utf8" }).stdout;
}

/** Allows services to start again and disables those that the installation enabled. */
function cleanUp(unfinished: string): void {
  if (existsSync(POLICY) && readFileSync(POLICY, "utf8") === POLICY_TEXT) rmSync(POLICY);
  if (!existsSync(unfinished)) return;
  if (onPath("systemctl")) spawnSync("systemctl", ["disable", "--quiet", ...SERVICES], { stdio: "ignore" });
  rmSync(unfinished);
}
