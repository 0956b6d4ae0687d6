/** What a service of the control centre acts with and through whom people come in, from its environment. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { GITHUB_ENDPOINT } from "../../clients/forge/github.ts";
import { GitHubWorkflows } from "../../clients/forge/workflow.ts";
import { loadInventory } from "../../inventory/load.ts";
import { UsageError } from "../exit-codes.ts";
import type { StackName } from "../stack/name.ts";
import { openPublished } from "../stack/published.ts";
import { ServiceActor } from "./acts/service-actor.ts";
import { serviceDoors } from "./doors.ts";

export interface ServiceOptions {
  readonly stack: StackName;
  /** File with the outputs of the last run. */
  readonly outputs: string;
  /** Names under which browsers reach it. */
  readonly names: readonly string[];
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
}

/** The branch whose workflows a centre starts. */
const REF = "main";

/** @throws UsageError that names the variable that is missing */
export function serviceOf({ stack, outputs, names, root, env }: ServiceOptions) {
  const inventory = loadInventory(env["PANTHEROS_FLEET"] || path.join(root, "nix/fleet.toml"));
  const repository = env["PANTHEROS_FORGE_REPOSITORY"];
  const actor = new ServiceActor({
    keys: env["PANTHEROS_OPERATOR_KEYS"] || undefined,
    roles: inventory.roles,
    open: () => openPublished(stack, outputs),
    start: starterOf(env),
    workflows:
      repository === undefined
        ? {}
        : {
            "run.up": { repository, file: "deploy.yml", ref: REF },
            "run.preview": { repository, file: "drift.yml", ref: REF },
          },
  });
  return {
    actor,
    doors: serviceDoors(env, names, inventory),
    // The journal has a copy of the audit log.
    print: (line: string) => void process.stdout.write(`${line}\n`),
  };
}

function starterOf(env: NodeJS.ProcessEnv) {
  if (!env["PANTHEROS_FORGE_REPOSITORY"]) return undefined;
  const file = env["PANTHEROS_FORGE_TOKEN_FILE"];
  if (!file)
    throw new UsageError(
      "PANTHEROS_FORGE_TOKEN_FILE: a file with a token that may start workflows is missing",
    );
  const token = readFileSync(file, "utf8").trim();
  const forge = new GitHubWorkflows({ endpoint: env["GITHUB_API_URL"] || GITHUB_ENDPOINT, token });
  return (workflow: Parameters<GitHubWorkflows["start"]>[0]) => forge.start(workflow);
}
