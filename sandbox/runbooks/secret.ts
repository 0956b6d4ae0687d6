import { firstProblems, remainingChanges } from "./checks.ts";
import { DB, GREETING } from "./fleet.ts";
import type { Runbook } from "./types.ts";
import { acceptsAccount } from "./vendors.ts";

const REFERENCE = `op://sandbox/${DB} service account/credential`;
const DELIVERED = "/var/lib/pantheros/secrets/opnix-token";
/** Where a host keeps what was delivered or fetched, and what it configured from that. */
const KEPT = "/var/lib/pantheros /run/secrets /etc /root";

export const secret: Runbook = {
  name: "secret",
  title: "A secret is compromised",
  noticed:
    "A token of a host was seen where it must not be: in a log, on a laptop that was stolen, in a chat.",
  values: { HOST: DB },
  broken: "somebody has a copy of the token with which db reads its secrets from 1Password",
  async breaks(world) {
    return { stolen: world.vault.read(REFERENCE) };
  },
  steps: [
    {
      on: "console",
      text: "In 1Password, open the service account of HOST, rotate its token so that the old one expires now, and put the new one into the item `HOST service account`. For another vendor's token: revoke it there, and put a new one into its item.",
      act: (world) => world.vault.rotateAccount(DB),
    },
    { on: "runner", text: "run tools/pulumi up --stack production" },
  ],
  restored:
    "the vendor refuses the old value, the host has the new one and reads its secrets with it, and the old value is in no file of the host",
  problems: (world, { stolen = "" }) =>
    firstProblems(
      async () =>
        (await acceptsAccount(world, stolen, GREETING)) ? ["1Password accepts the stolen token"] : [],
      async () => (world.vault.read(REFERENCE) === stolen ? ["the vault still has the stolen token"] : []),
      async () => {
        const { stdout } = await world.onHost(DB, `cat ${DELIVERED}`);
        return stdout.trim() === world.vault.read(REFERENCE) ? [] : [`${DB}: has not got the new token`];
      },
      async () => {
        // -f -: the pattern is read from standard input, so the value is in no list of processes.
        const { stdout } = await world.onHost(DB, `grep -rlF -f - ${KEPT} 2>/dev/null`, `${stolen}\n`);
        return stdout.trim() === ""
          ? []
          : [`${DB}: the stolen token is in ${stdout.trim().split("\n").join(", ")}`];
      },
      async () => {
        const script = "systemctl is-active --quiet opnix-secrets.service database.service";
        const { code } = await world.onHost(DB, script);
        return code === 0 ? [] : [`${DB}: its services have no secrets`];
      },
      () => remainingChanges(world),
    ),
  notes:
    "Also change what the stolen token could read: a service account reads all of its vault. The order matters: revoke first, because an outage of minutes is better than a second copy. A compromised signing key or deploy key has [steps of its own](operations.md#rotate-a-secret).",
};
