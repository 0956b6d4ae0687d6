import { failsOn, firstProblems, remainingChanges, unconfirmedHosts } from "./checks.ts";
import { WEB } from "./fleet.ts";
import type { Runbook, World } from "./types.ts";
import { deleteServer, serverNamed } from "./vendors.ts";

/** What other machines and people know the host by: its addresses and its host key. */
async function identity(world: World): Promise<string> {
  const { addresses, hostKey } = (await world.outputs())?.hosts[WEB] ?? {};
  return [addresses?.ipv4, addresses?.ipv6, hostKey].filter((each) => each !== undefined).join(" ");
}

export const host: Runbook = {
  name: "host",
  title: "A host is lost",
  noticed:
    "`tools/pantheros status` shows it as unreachable, and the vendor's console has no such server or reports its disk as lost.",
  values: { HOST: WEB },
  broken: "the server web is deleted at Hetzner, with its disk",
  async breaks(world) {
    const server = await serverNamed(world, WEB);
    if (server === undefined) throw new Error(`there is no server ${WEB} at the emulated Hetzner`);
    const before = await identity(world);
    await deleteServer(world, { id: server.id, name: WEB });
    return { id: String(server.id), before };
  },
  steps: [
    { on: "runner", text: "run tools/pulumi refresh --stack production" },
    { on: "runner", text: "run tools/pulumi up --stack production" },
  ],
  restored:
    "a new server has the host's addresses and host key, runs its system, serves, and a preview shows no change",
  problems: (world, { id, before }) =>
    firstProblems(
      async () => {
        const server = await serverNamed(world, WEB);
        if (server === undefined) return [`${WEB}: no such server at Hetzner`];
        if (String(server.id) === id) return [`${WEB}: still the lost server`];
        return server.status === "running" ? [] : [`${WEB}: the server is ${server.status}`];
      },
      () => unconfirmedHosts(world, [WEB]),
      async () => {
        const now = await identity(world);
        return now === before ? [] : [`${WEB}: has ${now} instead of ${before}`];
      },
      () =>
        failsOn(world, {
          host: WEB,
          script: "curl -fsS --max-time 5 http://127.0.0.1:8080/",
          problem: "its service does not answer",
        }),
      () => remainingChanges(world),
    ),
  notes:
    "When the server exists and only its disk or system is lost, set `provider.reinstall` of the host to the server's id and run `up`, without `refresh`. What only the host's disk had is restored afterwards: [databases](#a-database-is-lost), [files](operations.md#files-are-lost). An adopted machine is installed by its owner: put NixOS on it, write its new host key into the inventory, then `up`.",
};
