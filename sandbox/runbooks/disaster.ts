import { failsOn, firstProblems, remainingChanges, unconfirmedHosts } from "./checks.ts";
import { DATABASE, DB, WEB } from "./fleet.ts";
import type { Runbook, World } from "./types.ts";

const DELIVERED = "/var/lib/pantheros/secrets/opnix-token";

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
  budget: "disaster",
  noticed: "The accounts at the vendors are gone or emptied, with servers, buckets and the state in them.",
  values: { HOST: WEB },
  broken:
    "the state, the vendors' accounts, all machines with their disks and the checkout are deleted; the Git repository and the vault are left",
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
      text: "In the vault, delete the items `tailnet key …`, which the program made for the lost tailnet. It makes new ones, and would not find these.",
      act: (world) => world.vault.removeTailnetKeys(),
    },
    { on: "runner", text: "run tools/pulumi up --stack production" },
  ],
  restored:
    "every host runs the same system as before, names lead to the new addresses, buckets exist, secrets are delivered, and a preview shows no change",
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
      () =>
        failsOn(world, {
          host: DB,
          script: `psql --username=postgres --dbname=${DATABASE} --command='select 1'`,
          problem: "its database does not answer",
        }),
      () => remainingChanges(world),
    ),
  notes:
    "What this does not bring back is the content of buckets and disks. Keep a copy of the dumps and backups at a second vendor; with it, restore [databases](#a-database-is-lost) and [files](operations.md#files-are-lost). Keep the vault's recovery kit and a copy of the Git repository outside of both. If only the state is lost, [do this instead](operations.md#the-state-is-lost).",
};
