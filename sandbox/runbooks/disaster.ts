import { firstProblems, remainingChanges, unconfirmedHosts } from "./checks.ts";
import { DATABASE, DB, DUMP_BUCKET, WEB } from "./fleet.ts";
import { makeAndDump, rowProblems } from "./rows.ts";
import type { Runbook, World } from "./types.ts";
import { doBucketJob } from "./vendors.ts";

const DELIVERED = "/var/lib/pantheros/secrets/opnix-token";

/** The dumps, and where their copy is. */
const copyOf = (world: World) => ({ bucket: DUMP_BUCKET, directory: world.copies });

/** Names and values as one text, to compare before and after. */
const list = (names: Iterable<string>): string => [...names].sort().join(" ");

/** The system of each host in the outputs, as `HOST=PATH`. */
async function systems(world: World): Promise<string> {
  const hosts = Object.entries((await world.outputs())?.hosts ?? {});
  return list(hosts.map(([name, { closure }]) => `${name}=${closure}`));
}

export const disaster: Runbook = {
  name: "disaster",
  title: "Everything is lost",
  noticed: "The accounts at the vendors are gone or emptied, with servers, buckets and the state in them.",
  values: { HOST: DB, DATABASE },
  async prepare(world) {
    await makeAndDump(world);
    await doBucketJob(world, { what: "download", ...copyOf(world) });
  },
  broken:
    "the state, the vendors' accounts, all machines with their disks and the checkout are deleted; the Git repository, the vault and a copy of the dumps are left",
  async breaks(world) {
    const outputs = await world.outputs();
    const before = {
      systems: await systems(world),
      hosts: list(Object.keys(outputs?.hosts ?? {})),
      buckets: list(Object.keys(outputs?.buckets ?? {})),
    };
    await world.loseEverything();
    return before;
  },
  steps: [
    { on: "runner", text: "git clone REPOSITORY CHECKOUT" },
    {
      on: "runner",
      text: "cd CHECKOUT && make setup",
      sandboxSkips: "the sandbox runs the program of this checkout",
    },
    {
      on: "console",
      text: "Open an account at each vendor again: zone, tailnet, storage region, project. Make the tokens and put them into their items of the vault. Put NixOS on adopted machines, and write their new host keys into the inventory.",
      act: (world) => world.startVendors(),
    },
    {
      on: "runner",
      text: "run tools/pulumi stack init production --secrets-provider passphrase",
      sandboxSkips: "tools/pulumi makes the sandbox's stack on its first use",
    },
    {
      on: "console",
      text: "In the vault, delete the items `tailnet key …`, which the program made for the lost tailnet. `up` makes new ones, and would leave the old ones beside them.",
      act: (world) => world.vault.removeTailnetKeys(),
    },
    { on: "runner", text: "run tools/pulumi up --stack production" },
    {
      on: "console",
      text: "Copy the dumps back into the bucket of the dumps, from where their copy is.",
      act: (world) => doBucketJob(world, { what: "upload", ...copyOf(world) }),
    },
    { on: "host", text: "pantheros-postgres restore DATABASE --replace" },
  ],
  restored:
    "every host runs the same system as before, names lead to the new addresses, buckets exist, secrets are delivered, the rows of the last dump are back, and a preview shows no change",
  problems: (world, before) =>
    firstProblems(
      async () => {
        const hosts = list(Object.keys((await world.outputs())?.hosts ?? {}));
        return hosts === before["hosts"]
          ? []
          : [`the outputs have the hosts "${hosts}" instead of "${before["hosts"]}"`];
      },
      () => unconfirmedHosts(world, (before["hosts"] ?? "").split(" ")),
      async () => {
        const now = await systems(world);
        return now === before["systems"] ? [] : [`the hosts run ${now} instead of ${before["systems"]}`];
      },
      async () => {
        const outputs = await world.outputs();
        const buckets = list(Object.keys(outputs?.buckets ?? {}));
        if (buckets !== before["buckets"])
          return [`the buckets are "${buckets}" instead of "${before["buckets"]}"`];
        const { stdout } = await world.read(["dig", "+short", `${WEB}.example.test`, "A"]);
        const address = outputs?.hosts[WEB]?.addresses.ipv4 ?? "";
        return stdout.trim() === address
          ? []
          : [`${WEB}.example.test leads to "${stdout.trim()}" instead of ${address}`];
      },
      async () => {
        const { stdout } = await world.onHost(DB, `cat ${DELIVERED}`);
        const wanted = world.vault.read(`op://sandbox/${DB} service account/credential`);
        return stdout.trim() === wanted ? [] : [`${DB}: has not got its token`];
      },
      async () => {
        const titles = world.vault.titles();
        const twice = new Set(titles.filter((title, at) => titles.indexOf(title) !== at));
        return [...twice].map((title) => `the vault has several items "${title}"`);
      },
      () => rowProblems(world),
      () => remainingChanges(world),
    ),
  notes:
    "What has no copy outside of the vendors is lost. So keep a copy of the dumps and of the [backups](operations.md#files-are-lost) at a second vendor, made every day, and outside of both a copy of the Git repository and the vault's recovery kit. If only the state is lost, [do this instead](operations.md#the-state-is-lost).",
};
