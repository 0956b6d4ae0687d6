import { CACHE_BUCKET, CACHE_PUSH, CACHE_URL } from "./fleet.ts";
import { sandboxLine } from "./lines.ts";
import type { Runbook, World } from "./types.ts";
import { doBucketJob } from "./vendors.ts";

const VALUES = { PUSH: CACHE_PUSH };

const STEPS: Runbook["steps"] = [
  { on: "runner", text: `rm -f "\${NIX_CACHE_HOME:-$HOME/.cache/nix}"/binary-cache-*` },
  {
    on: "runner",
    text: `run nix copy --to 'PUSH' $(run tools/pulumi stack output hosts --json --stack production | grep -o '/nix/store/[^"]*' | sort -u)`,
  },
];

const closures = async (world: World): Promise<readonly string[]> =>
  Object.values((await world.outputs())?.hosts ?? {}).flatMap(({ closure }) => closure ?? []);

/** Nix without what it remembers of caches, as on a new host. */
const NIX = [
  "sh",
  "-c",
  'NIX_CACHE_HOME=$(mktemp -d) && export NIX_CACHE_HOME && nix "$@"; code=$?; rm -rf "$NIX_CACHE_HOME"; exit "$code"',
  ...["nix", "--extra-experimental-features", "nix-command"],
];

/** Whether the cache has these closures in full, as a host sees it. */
async function missing(world: World): Promise<readonly string[]> {
  const paths = await closures(world);
  if (paths.length === 0) return ["the stack has no hosts"];
  const argv = [...NIX, "path-info", "--store", CACHE_URL, "--recursive", "--sigs", ...paths];
  const { code, stdout, stderr } = await world.read(argv);
  if (code !== 0) return [stderr.trim().split("\n").at(-1) ?? "the cache does not answer"];
  // A path's signatures follow it; what is named by its content needs none.
  const unsigned = stdout.split("\n").filter((line) => /^\/nix\/store\/\S+\s*$/.test(line));
  return unsigned.map((line) => `the cache has no signature of ${line.trim()}`);
}

export const cache: Runbook = {
  name: "cache",
  title: "The binary cache is lost or damaged",
  noticed:
    "`up` warns that a host could not download from the cache. Nothing fails: what the cache lacks is built on the runner and copied.",
  values: VALUES,
  broken: "every object of the cache's bucket is deleted",
  async prepare(world) {
    for (const step of STEPS) {
      const line = sandboxLine(step, { values: VALUES, checkout: world.checkout });
      if (line !== undefined) await world.type(line);
    }
  },
  async breaks(world) {
    await doBucketJob(world, { what: "empty", bucket: CACHE_BUCKET });
    return {};
  },
  steps: STEPS,
  restored: "a host can download the whole system of every host from the cache, signed with the fleet's key",
  problems: (world) => missing(world),
  notes:
    "PUSH is `[cache] push` of the inventory. The files that are removed first are what Nix on the runner remembers of caches: with them it would leave out what it uploaded in the last month, and the cache's own description (`nix-cache-info`). Other runners need the same. A damaged object is never used, because hosts check its hash and signature; delete the objects, then do the same. When the bucket itself is gone, `run tools/pulumi refresh --stack production` and `up` make it again. When the runner's store does not have the systems either, `run tools/pulumi up` of the next change builds them.",
};
