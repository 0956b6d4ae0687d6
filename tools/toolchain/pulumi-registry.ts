import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { firstLine, run } from "./command.ts";
import { ensureGo } from "./go.ts";
import { buildAtomically, type SetupContext } from "./paths.ts";
import { neededPlugins } from "./pulumi-plugins.ts";
import type { Step } from "./steps.ts";

const MODULE = "github.com/pulumi/pulumi";

/** The CLI, built from its Go module at the version that tools/cli/go.mod and go.sum pin. */
export function registryCliStep(setup: SetupContext, because: string, report: (line: string) => void): Step {
  const target = path.join(setup.cache, `pulumi-${setup.pulumiVersion}`);
  const source = path.join(setup.root, "tools/cli");
  return {
    name: "pulumi",
    after: [],
    description: `registry (${because}): building the CLI from its Go module (about 4 minutes on 2 cores)`,
    present() {
      const line = firstLine([path.join(target, "bin/pulumi"), "version"]);
      return line === `v${setup.pulumiVersion}` ? `registry ${setup.pulumiVersion} (${because})` : undefined;
    },
    async install() {
      const env = await ensureGo(setup, readFileSync(path.join(source, "go.mod"), "utf8"), (line) =>
        report(`pulumi: ${line}`),
      );
      // The Automation API refuses a CLI without a version.
      const flags = `-s -w -X ${MODULE}/sdk/v3/go/common/version.Version=v${setup.pulumiVersion}`;
      await buildAtomically(target, async (part) => {
        const binary = path.join(part, "bin/pulumi");
        await run(
          ["go", "build", "-trimpath", "-ldflags", flags, "-o", binary, `${MODULE}/pkg/v3/cmd/pulumi`],
          {
            step: "pulumi",
            log: path.join(setup.cache, "logs", "pulumi-build.log"),
            seconds: 3600,
            cwd: source,
            env: { ...env, CGO_ENABLED: "0" },
            hint: "is the Go module proxy reachable, and are 3 GB of memory and disk free?",
          },
        );
      });
    },
  };
}

/**
 * Installs wrappers of this repository's language host and thin plugins where the engine expects the official ones:
 * hosts next to the CLI, plugins in a separate Pulumi home. (It would also find them on PATH, with a warning for each
 * in every run.) A wrapper runs the program of the checkout in PANTHEROS_ROOT, since checkouts share one cache.
 */
export function registryPluginsStep(setup: SetupContext): Step {
  const wanted = () => wrapperFiles(setup, neededPlugins(setup.root), thinPlugins(setup.root));
  const upToDate = ([file, text]: [string, string]) =>
    existsSync(file) && readFileSync(file, "utf8") === text;
  return {
    name: "pulumi plugins",
    after: ["npm packages", "pulumi"],
    description: "installing wrappers of the thin plugins of sandbox/plugins",
    present: () => (Object.entries(wanted()).every(upToDate) ? "thin plugins of sandbox/plugins" : undefined),
    async install() {
      for (const [file, text] of Object.entries(wanted())) {
        mkdirSync(path.dirname(file), { recursive: true });
        writeFileSync(file, text, { mode: 0o755 });
      }
    },
  };
}

/** Text of every wrapper by path. A thin plugin gets the version that its npm package declares. */
export function wrapperFiles(
  setup: Pick<SetupContext, "cache" | "pulumiVersion">,
  plugins: readonly { readonly name: string; readonly version: string }[],
  own: readonly string[],
): Record<string, string> {
  const files: Record<string, string> = {};
  for (const program of own) {
    const name = program.replace(/^pulumi-resource-/, "");
    const plugin = plugins.find(
      (candidate) => candidate.name === name && program.startsWith("pulumi-resource-"),
    );
    const folder =
      plugin === undefined
        ? path.join(setup.cache, `pulumi-${setup.pulumiVersion}`, "bin")
        : path.join(setup.cache, "pulumi-home/plugins", `resource-${plugin.name}-v${plugin.version}`);
    files[path.join(folder, program)] = [
      "#!/bin/sh",
      `exec "\${PANTHEROS_ROOT:?is not set; use tools/pulumi}/sandbox/plugins/bin/${program}" "$@"`,
      "",
    ].join("\n");
  }
  return files;
}

function thinPlugins(root: string): string[] {
  return readdirSync(path.join(root, "sandbox/plugins/bin")).filter((name) =>
    /^pulumi-(resource|language)-/.test(name),
  );
}
