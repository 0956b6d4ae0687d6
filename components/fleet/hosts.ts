import * as pulumi from "@pulumi/pulumi";
import type { Plan } from "../../inventory/plan.ts";
import type { Settings } from "../../settings/settings.ts";
import type { Machine } from "../machine.ts";
import { evaluate } from "../nixos-host/evaluate.ts";
import { NixosHost, type NixosHostArgs } from "../nixos-host/nixos-host.ts";
import { inWaveOrder, type Waved, waitsFor } from "../nixos-host/waves.ts";
import { SecretDelivery } from "../secrets/delivery.ts";
import type { DeliveryResult } from "../secrets/delivery-command.ts";
import type { HostSecret } from "../secrets/secrets.ts";
import type { Machines } from "./machines.ts";

/** The stack's hosts as NixOS systems, and what else has to be true for the run to have succeeded. */
export interface Deployed {
  readonly hosts: ReadonlyMap<string, NixosHost>;
  /** One line for each secret that did not arrive. */
  readonly problems: pulumi.Output<string[]>;
}

interface Surroundings {
  readonly plan: Plan;
  readonly settings: Settings;
  readonly machines: Machines;
  /** What each host gets before its deploy. */
  readonly secrets: readonly HostSecret[];
  readonly parent: pulumi.Resource;
}

const waved = (host: Plan["hosts"][number]): Waved => ({
  name: host.name,
  wave: host.wave,
  converge: host.reachability === "always" ? "must" : "best-effort",
});

/** What a delivery that did not arrive means for the run: nothing for a best-effort host that is away. */
export function deliveryProblem(result: DeliveryResult, converge: Waved["converge"]): string | undefined {
  if (result.outcome === "delivered" || converge === "best-effort") return undefined;
  return `${result.host}: secret ${result.secret} ${result.outcome}: ${result.reason}`;
}

/** The address that deploys use: the tailnet's name, or the public address where the inventory says so. */
function deployAddress(plan: Plan, host: string, machine: Machine): pulumi.Output<string> {
  const { deploy, tailnet } = plan.inventory;
  if (deploy.address === "public" || tailnet === undefined) return machine.address;
  // After the machine, so that nothing is asked before it exists.
  return machine.address.apply(() => `${host}.${tailnet.suffix}`);
}

/** One NixosHost per host, in the order of the waves; the secrets of each are brought to it before its deploy. */
export function deployHosts({ plan, settings, machines, secrets, parent }: Surroundings): Deployed {
  const evaluation = evaluate(
    {
      flake: settings.flake,
      hosts: plan.hosts.map((host) => host.name),
      overrides: settings.flakeOverrides,
    },
    { parent },
  );
  const { deploy, cache } = plan.inventory;
  const order = inWaveOrder(plan.hosts.map(waved));
  const after = waitsFor(order);
  const hosts = new Map<string, NixosHost>();
  const problems: pulumi.Output<string | undefined>[] = [];

  for (const { name, converge } of order) {
    const created = machines.created.get(name);
    const machine = created ?? machines.adopted.get(name);
    if (machine === undefined) throw new Error(`no machine was made for host ${name}`);
    const deliver: NixosHostArgs["before"] = (contact) => {
      const results = secrets
        .filter((secret) => secret.host === name)
        .map(({ host, name: secret, value, read }) => {
          const args = { ...contact, host, secret, value, read };
          const { result } = new SecretDelivery(`${name}-secret-${secret}`, args, { parent });
          problems.push(result.apply((told) => deliveryProblem(told, converge)));
          return result;
        });
      return pulumi.all(results);
    };
    hosts.set(
      name,
      new NixosHost(
        name,
        {
          host: name,
          address: deployAddress(plan, name, machine),
          port: machine.sshPort,
          hostKey: machine.hostKey,
          evaluation,
          converge,
          user: deploy.user,
          identity: settings.sshKey,
          probe: settings.probe !== "off",
          maybeUnmanaged: created === undefined,
          after: (after[name] ?? []).flatMap((earlier) => hosts.get(earlier) ?? []),
          ...(created && {
            install: {
              address: created.address,
              bootstrapKey: created.bootstrapHostKey,
              hostPrivateKey: created.hostKeyPrivate,
              machineId: created.serverId,
            },
          }),
          push: cache.push,
          before: deliver,
          seconds: { health: deploy.healthSeconds, confirm: deploy.confirmSeconds },
        },
        { parent },
      ),
    );
  }
  return {
    hosts,
    problems: pulumi.all(problems).apply((lines) => lines.filter((line) => line !== undefined)),
  };
}
