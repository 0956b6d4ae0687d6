/** `pantheros doctor`: checks everything that must be right before the first run of a stack. Nothing is changed. */
import { CREATING_KINDS } from "../../inventory/providers.ts";
import { type Check, type CheckResult, notChecked } from "../../lib/check.ts";
import { firstNames } from "../../lib/names.ts";
import { EXIT_FAILED, EXIT_OK, UsageError } from "../exit-codes.ts";
import { storedConfig } from "../stack/config.ts";
import { type StackName, type StackOptions, stackName } from "../stack/name.ts";
import { bucketChecks } from "./areas/buckets.ts";
import { dnsChecks } from "./areas/dns.ts";
import { flakeChecks } from "./areas/flake.ts";
import { hostChecks } from "./areas/hosts.ts";
import { planProblems, readPlan } from "./areas/inventory.ts";
import { keyChecks } from "./areas/keys.ts";
import { policyChecks } from "./areas/policy.ts";
import { promotionChecks } from "./areas/promotion.ts";
import { providerChecks } from "./areas/providers.ts";
import { stateChecks } from "./areas/state.ts";
import { tailnetChecks } from "./areas/tailnet.ts";
import { toolChecks } from "./areas/tools.ts";
import { vaultChecks } from "./areas/vault.ts";
import type { DoctorContext } from "./context.ts";
import { type Report, reportOf, reportText } from "./report.ts";
import { runChecks } from "./run-checks.ts";
import { type StackResource, stackResources } from "./stack-resources.ts";

export interface DoctorOptions extends StackOptions {
  readonly json?: boolean;
  /** Names of areas, separated by commas; undefined: all. */
  readonly only?: string | undefined;
  readonly resolver?: string | undefined;
  readonly serverLimit?: number | undefined;
  readonly addressLimit?: number | undefined;
  /** Seconds of one check. */
  readonly timeout: number;
}

/** The areas in the order of the report; each gives its checks for a plan. */
const AREAS: Readonly<Record<string, (context: DoctorContext) => Check[] | Promise<Check[]>>> = {
  policy: policyChecks,
  promotion: promotionChecks,
  tools: toolChecks,
  keys: keyChecks,
  flake: flakeChecks,
  state: stateChecks,
  vault: vaultChecks,
  ...Object.fromEntries(
    CREATING_KINDS.map((kind) => [kind, (context: DoctorContext) => providerChecks(kind, context)]),
  ),
  dns: dnsChecks,
  buckets: bucketChecks,
  tailnet: tailnetChecks,
  hosts: hostChecks,
};
const INVENTORY = "inventory";

const AREA_NAMES: readonly string[] = [INVENTORY, ...Object.keys(AREAS)];

function selectedAreas(only: string | undefined): readonly string[] {
  if (only === undefined) return AREA_NAMES;
  const chosen = only.split(",").map((name) => name.trim());
  const unknown = chosen.filter((name) => !AREA_NAMES.includes(name));
  if (unknown.length > 0)
    throw new UsageError(
      `unknown area "${unknown[0]}"; areas are ${firstNames(AREA_NAMES, AREA_NAMES.length)}`,
    );
  return chosen;
}

/** Runs the checks of a stack. The working directory must be `root`. */
async function examine(options: DoctorOptions, stack: StackName, root: string): Promise<Report> {
  const areas = selectedAreas(options.only);
  const env = process.env;
  const read = await readPlan(stack, root);
  const unread = "problems" in read;
  const inventory: Check = {
    name: "stack and fleet",
    run: () => ("problems" in read ? [...read.problems] : planProblems(read.plan, read.settings.fleetFile)),
  };
  let resources: Promise<readonly StackResource[]> | undefined;
  const context = unread
    ? undefined
    : {
        ...read,
        root,
        env,
        stack,
        vendorConfig: storedConfig(stack),
        resources: () => {
          resources ??= stackResources(stack, root, env["PULUMI_BACKEND_URL"]);
          return resources;
        },
        resolver: options.resolver,
        limits: { servers: options.serverLimit, addresses: options.addressLimit },
      };
  const chosen = await Promise.all(
    areas.map(async (name) => {
      if (name === INVENTORY) return { name, checks: [inventory] };
      return { name, checks: (context && (await AREAS[name]?.(context))) ?? [] };
    }),
  );
  const results: CheckResult[] = [
    ...(await runChecks(chosen, {
      timeoutSeconds: options.timeout,
      report: (waiting) => process.stderr.write(`waiting for ${firstNames(waiting)}\n`),
    })),
    ...(unread
      ? areas
          .filter((name) => name !== INVENTORY)
          .map((name) => notChecked(name, "all", "the stack's file or the inventory cannot be read"))
      : []),
  ];
  return reportOf(stack.full, context?.settings.environment, results, new Date());
}

/** Prints the report and returns the exit code. */
export async function doctor(options: DoctorOptions, root: string): Promise<number> {
  const stack = stackName(options, { env: process.env, root, cwd: process.cwd() });
  // Paths in the settings are relative to the project, as in the Pulumi program.
  process.chdir(root);
  const report = await examine(options, stack, root);
  const text = options.json
    ? `${JSON.stringify(report, undefined, 2)}\n`
    : reportText(report, process.stdout);
  const code = report.healthy ? EXIT_OK : EXIT_FAILED;
  await new Promise<void>((written) => process.stdout.write(text, () => written()));
  // A check that ran out of time may still have a connection or a program, which would keep this process running.
  if (report.checks.some(({ state }) => state === "not checked")) process.exit(code);
  return code;
}
