import { cpSync, existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { run } from "./command.ts";
import { extractCommand, extractionTools, MIRROR_HINT } from "./extract.ts";
import { ensureGo } from "./go.ts";
import { buildAtomically, type SetupContext } from "./paths.ts";
import { linkMergedUsr } from "./service-programs.ts";
import type { Step } from "./steps.ts";

/**
 * Programs that Debian does not have; tools/services pins them. Name -> Go package, and minutes to
 * build on 2 cores.
 */
const GO_PROGRAMS = {
  blocky: { package: "github.com/0xERR0R/blocky", minutes: 3 },
  dex: { package: "github.com/dexidp/dex/cmd/dex", minutes: 4 },
  // AGPL-3.0: built to check its settings, on the machine that runs the check; nothing of it is distributed.
  loki: { package: "github.com/grafana/loki/v3/cmd/loki", minutes: 7 },
} as const;

/** Grafana's parser of LogQL, an npm package; tools/services/logql pins it. */
const LOGQL = "@grafana/lezer-logql";

/** The Rust crate of rustic, which pins its own dependencies. Near the version that nixpkgs has. */
const RUSTIC = { crate: "rustic-rs", version: "0.11.4", minutes: 10 } as const;

/** Debian packages that boot a disk with GRUB in an emulated computer. */
const BOOT_PACKAGES = [
  "busybox-static",
  "coreutils",
  "dash",
  "grub-common",
  "grub-pc-bin",
  "linux-image-cloud-amd64",
  "mtools",
  "qemu-system-x86",
  "seabios",
] as const;

const modulesOf = (root: string, name: keyof typeof GO_PROGRAMS | "logql"): string =>
  path.join(root, "tools/services", name);

/** The version of the parser in its lock. @throws Error when none is pinned */
function logqlVersion(root: string): string {
  const { packages } = JSON.parse(
    readFileSync(path.join(modulesOf(root, "logql"), "package-lock.json"), "utf8"),
  ) as {
    packages: Readonly<Record<string, { readonly version?: string } | undefined>>;
  };
  const version = packages[`node_modules/${LOGQL}`]?.version;
  if (version === undefined) throw new Error(`tools/services/logql/package-lock.json pins no ${LOGQL}`);
  return version;
}

/** The version of a program in its go.mod. @throws Error when none is pinned */
function pinnedVersion(root: string, name: keyof typeof GO_PROGRAMS): string {
  const module = GO_PROGRAMS[name].package.replace(/\/cmd\/.*/, "");
  const text = readFileSync(path.join(modulesOf(root, name), "go.mod"), "utf8");
  const version = text.match(new RegExp(`^\\t${module} v(\\S+)`, "m"))?.[1];
  if (version === undefined) throw new Error(`tools/services/${name}/go.mod pins no ${module}`);
  return version;
}

/** Where `make check-services` builds or extracts its programs. */
export function checkedPrograms(root: string, cache: string, suite: string) {
  return {
    blocky: path.join(cache, `blocky-${pinnedVersion(root, "blocky")}`, "bin/blocky"),
    dex: path.join(cache, `dex-${pinnedVersion(root, "dex")}`, "bin/dex"),
    loki: path.join(cache, `loki-${pinnedVersion(root, "loki")}`, "bin/loki"),
    logql: path.join(cache, `logql-${logqlVersion(root)}`, "node_modules", LOGQL, "index.cjs"),
    rustic: path.join(cache, `rustic-${RUSTIC.version}`, "bin/rustic"),
    bootRoot: path.join(cache, `boot-programs-${suite}`),
  };
}

/** Steps that build Blocky, Dex, Loki and rustic, one after the other to limit memory, and fetch a parser, QEMU and GRUB. */
export function builtServicesSteps(setup: SetupContext, report: (line: string) => void): readonly Step[] {
  const programs = checkedPrograms(setup.root, setup.cache, setup.nixSuite);
  const log = (name: string) => path.join(setup.cache, "logs", `${name}.log`);
  const present = (file: string) =>
    existsSync(file) ? path.basename(path.dirname(path.dirname(file))) : undefined;

  const go = (Object.keys(GO_PROGRAMS) as (keyof typeof GO_PROGRAMS)[]).map((name): Step => {
    const source = modulesOf(setup.root, name);
    return {
      name,
      after: [],
      description: `building it from its Go modules (about ${GO_PROGRAMS[name].minutes} minutes on 2 cores)`,
      present: () => present(programs[name]),
      async install() {
        const env = await ensureGo(setup, readFileSync(path.join(source, "go.mod"), "utf8"), (line) =>
          report(`${name}: ${line}`),
        );
        await buildAtomically(path.dirname(path.dirname(programs[name])), (part) =>
          run(
            [
              "nice",
              "go",
              "build",
              "-trimpath",
              "-o",
              path.join(part, "bin", name),
              GO_PROGRAMS[name].package,
            ],
            {
              step: name,
              log: log(name),
              seconds: 3600,
              cwd: source,
              env: { ...env, CGO_ENABLED: "0" },
              hint: "is the Go module proxy reachable?",
            },
          ),
        );
      },
    };
  });

  const rustic: Step = {
    name: "rustic",
    after: [],
    description: `building it from its crates (about ${RUSTIC.minutes} minutes on 2 cores)`,
    present: () => present(programs.rustic),
    async install() {
      await buildAtomically(path.dirname(path.dirname(programs.rustic)), (part) =>
        run(
          [
            "nice",
            ...["cargo", "install", "--locked", "--root", part],
            // The default features are a terminal interface, metrics and a WebDAV server.
            ...["--no-default-features", "--version", RUSTIC.version, RUSTIC.crate],
          ],
          {
            step: "rustic",
            log: log("rustic"),
            seconds: 7200,
            hint: "install cargo with the Rust that the crate needs; is crates.io reachable?",
          },
        ),
      );
    },
  };

  const logql: Step = {
    name: "LogQL parser",
    after: [],
    description: "npm ci (seconds)",
    present: () => (existsSync(programs.logql) ? logqlVersion(setup.root) : undefined),
    async install() {
      const target = path.join(setup.cache, `logql-${logqlVersion(setup.root)}`);
      await buildAtomically(target, async (part) => {
        cpSync(modulesOf(setup.root, "logql"), part, { recursive: true });
        await run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"], {
          step: "LogQL parser",
          log: log("logql"),
          seconds: 300,
          cwd: part,
          hint: "is the npm registry reachable? `npm ping` checks it",
        });
      });
    },
  };

  const boot: Step = {
    name: "boot programs",
    after: [],
    description: `extracting QEMU, GRUB and a kernel from Debian ${setup.nixSuite} (20-120 s)`,
    present: () =>
      existsSync(path.join(programs.bootRoot, "usr/bin/qemu-system-x86_64")) ? setup.nixSuite : undefined,
    async install() {
      const env = await extractionTools(setup, "boot programs", "install mmdebstrap");
      await buildAtomically(programs.bootRoot, async (part) => {
        await run(extractCommand({ suite: setup.nixSuite, packages: BOOT_PACKAGES, root: part }), {
          step: "boot programs",
          log: log("boot-programs"),
          seconds: 900,
          env,
          hint: MIRROR_HINT,
        });
        linkMergedUsr(part);
      });
    },
  };
  const built = [...go, rustic];
  return [
    ...built.map((step, index) => ({ ...step, after: built.slice(0, index).map(({ name }) => name) })),
    logql,
    boot,
  ];
}
