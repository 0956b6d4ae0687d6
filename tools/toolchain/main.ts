import { mkdirSync } from "node:fs";
import { builtServicesSteps } from "./built-services.ts";
import { stopCommands } from "./command.ts";
import { debianStep } from "./debian.ts";
import { nixStep } from "./nix.ts";
import { npmStep } from "./npm.ts";
import { readSetupContext, removeStaleParts } from "./paths.ts";
import { detectCapabilities, sandboxObstacles, WHAT_STILL_WORKS } from "./prerequisites.ts";
import { officialCliStep, officialPluginsStep } from "./pulumi-official.ts";
import { registryCliStep, registryPluginsStep } from "./pulumi-registry.ts";
import { resolveSource } from "./pulumi-source.ts";
import { pythonStep } from "./python.ts";
import { serviceProgramsStep } from "./service-programs.ts";
import { runSteps, type Step } from "./steps.ts";

const report = (line: string) => process.stdout.write(`setup: ${line}\n`);

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => {
    stopCommands();
    process.stderr.write("setup: interrupted; run it again to continue\n");
    process.exit(130);
  });
}

process.exitCode = await main(process.argv[2] ?? "unit");

async function main(part: string): Promise<number> {
  const obstacles = part === "unit" || part === "services" ? [] : sandboxObstacles(detectCapabilities());
  if (obstacles.length > 0) {
    const reasons = obstacles.map((reason) => `  - ${reason}`).join("\n");
    const message = `setup: the sandbox cannot run on this computer:\n${reasons}\n${WHAT_STILL_WORKS}\n`;
    process.stderr.write(message);
    if (part === "sandbox") return 1;
  }
  const sandbox = part !== "unit" && part !== "services" && obstacles.length === 0;
  const setup = readSetupContext(process.env, process.arch);
  mkdirSync(setup.cache, { recursive: true });
  removeStaleParts(setup.cache);

  const { source, reason } = await resolveSource(setup, process.env);
  const official = source === "official";
  // With root, the Debian packages include programs that later steps would otherwise unpack.
  const debian = sandbox ? [debianStep(setup)] : [];
  const afterDebian = debian.map(({ name }) => name);
  const steps: Step[] = [
    official ? officialCliStep(setup, reason, process.env) : registryCliStep(setup, reason, report),
    npmStep(setup),
    ...debian,
    official ? officialPluginsStep(setup, process.env) : registryPluginsStep(setup),
    nixStep(setup, afterDebian),
    pythonStep(setup, afterDebian),
    serviceProgramsStep(setup, afterDebian),
    ...(part === "services" ? builtServicesSteps(setup, report) : []),
  ];
  const outcomes = await runSteps(steps, report);
  let failed = 0;
  for (const outcome of outcomes.values()) {
    if (outcome.kind === "failed") process.stderr.write(`setup: ${outcome.reason}\n`);
    if (outcome.kind === "failed" || outcome.kind === "skipped") failed += 1;
  }
  if (failed > 0) {
    process.stderr.write(
      `setup: ${failed} of ${steps.length} steps failed or were skipped; run it again to continue\n`,
    );
    return 1;
  }
  report(`everything that ${sandbox ? "the sandbox needs" : "unit tests and previews need"} is installed`);
  return 0;
}
