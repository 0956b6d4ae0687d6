import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { firstProblems, remainingChanges, runningSystem, unconfirmedHosts } from "./checks.ts";
import { commit, WEB, withMessage } from "./fleet.ts";
import type { Runbook } from "./types.ts";

export const configuration: Runbook = {
  name: "configuration",
  title: "A configuration is wrong",
  noticed:
    "A change was deployed and confirmed, so no check failed, and it is wrong all the same. A change that fails is rolled back by the host itself.",
  values: { COMMIT: "HEAD", HOST: WEB },
  broken: "a wrong change is committed and deployed to web, which confirms it",
  async breaks(world) {
    const right = await runningSystem(world, WEB);
    const inventory = join(world.checkout, "nix", "fleet.toml");
    writeFileSync(inventory, withMessage(readFileSync(inventory, "utf8"), WEB, "a mistake"));
    await commit(world, "a mistake");
    await world.type("tools/pulumi up --yes --skip-preview --suppress-outputs");
    return { right };
  },
  steps: [
    { on: "runner", text: "git revert --no-edit COMMIT" },
    { on: "runner", text: "run tools/pulumi up --stack production" },
    { on: "runner", text: "git push origin HEAD:main" },
  ],
  restored: "the host runs the system from before the change, and a preview shows no change",
  problems: (world, { right }) =>
    firstProblems(
      async () => {
        const running = await runningSystem(world, WEB);
        return running === right ? [] : [`${WEB}: runs ${running || "nothing"} instead of ${right}`];
      },
      () => unconfirmedHosts(world, [WEB]),
      () => remainingChanges(world),
    ),
  notes:
    "When it takes long to find the commit, `run tools/pantheros rollback HOST --stack production` returns a host to its previous system at once and holds it there ([how](operations.md#roll-back-on-purpose)).",
};
