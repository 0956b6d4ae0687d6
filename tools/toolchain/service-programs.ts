import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { run } from "./command.ts";
import { extractCommand, extractionTools, MIRROR_HINT } from "./extract.ts";
import { buildAtomically, type SetupContext } from "./paths.ts";
import type { Step } from "./steps.ts";

/** Debian packages with the programs that read what nix/ generates; tests give them the generated files. */
export const SERVICE_PACKAGES = [
  "caddy",
  "coreutils",
  "dash",
  "fail2ban",
  "kea-dhcp4-server",
  "nftables",
  "openssh-client",
  "openssh-server",
  "postgresql-18",
  "prometheus",
  "prometheus-alertmanager",
  "prometheus-blackbox-exporter",
  "prometheus-node-exporter",
  "sudo",
  "systemd",
] as const;

/** Large, and nothing reads them here. */
const UNWANTED = [
  "usr/bin/prometheus",
  "usr/bin/prometheus-alertmanager",
  "usr/share/doc",
  "usr/share/info",
  "usr/share/locale",
  "usr/share/man",
  "var/cache/apt",
  "var/lib/apt",
];

/** Accounts that the programs look up; numbers are Debian's where it has fixed ones. */
const ACCOUNTS = [
  ["root", 0],
  ["sshd", 100],
  ["postgres", 101],
  ["nobody", 65534],
] as const;

/** Where the extracted programs are: a root directory of Debian's that tests enter. */
export const serviceRoot = (cache: string, suite: string): string =>
  path.join(cache, `service-programs-${suite}`);

/** What a root directory lacks as long as no package was configured in it. */
function completeRoot(root: string): void {
  for (const name of UNWANTED) rmSync(path.join(root, name), { recursive: true, force: true });
  for (const name of ["bin", "sbin", "lib", "lib64"]) {
    if (!existsSync(path.join(root, name)) && existsSync(path.join(root, "usr", name)))
      symlinkSync(`usr/${name}`, path.join(root, name));
  }
  for (const name of ["dev", "proc", "run", "sys", "tmp", "work"])
    mkdirSync(path.join(root, name), { recursive: true });
  const lines = (line: (name: string, id: number) => string) =>
    ACCOUNTS.map(([name, id]) => `${line(name, id)}\n`).join("");
  writeFileSync(
    path.join(root, "etc/passwd"),
    lines((name, id) => `${name}:x:${id}:${id}::/nonexistent:/bin/sh`),
  );
  writeFileSync(
    path.join(root, "etc/group"),
    lines((name, id) => `${name}:x:${id}:`),
  );
}

/** The programs that read the generated files of the machines, extracted from Debian into the cache. */
export function serviceProgramsStep(setup: SetupContext, after: readonly string[]): Step {
  const step = "service programs";
  const target = serviceRoot(setup.cache, setup.servicesSuite);
  const list = SERVICE_PACKAGES.join("\n");
  return {
    name: step,
    after,
    description: `extracting ${SERVICE_PACKAGES.length} programs from Debian ${setup.servicesSuite} (20-120 s; waits for the Debian mirror)`,
    present() {
      return existsSync(path.join(target, "packages")) &&
        readFileSync(path.join(target, "packages"), "utf8") === list
        ? `${SERVICE_PACKAGES.length} of Debian ${setup.servicesSuite}`
        : undefined;
    },
    async install() {
      const env = await extractionTools(setup, step, "install mmdebstrap");
      await buildAtomically(target, async (part) => {
        await run(extractCommand({ suite: setup.servicesSuite, packages: SERVICE_PACKAGES, root: part }), {
          step,
          log: path.join(setup.cache, "logs", "service-programs.log"),
          seconds: 900,
          env,
          hint: MIRROR_HINT,
        });
        completeRoot(part);
        writeFileSync(path.join(part, "packages"), list);
      });
    },
  };
}
