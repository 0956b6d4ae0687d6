/** Facts of servers at Hetzner Cloud for the rules of policy/, from the resolved inputs of their resources. */
import type { Plan } from "../../inventory/plan.ts";
import { SSH_PORT } from "../../inventory/primitives.ts";
import { openSshPorts } from "../../inventory/ssh.ts";
import { entryOf } from "../../lib/entry-of.ts";
import type { Facts } from "../../policy/facts.ts";
import {
  elsewhere,
  type FactsOf,
  list,
  type Resource,
  type ResourceKind,
  table,
  text,
  texts,
} from "../../policy/pack/resource.ts";
import { filled, sshSourceKey } from "../../policy/plan-facts.ts";

/** Whether a port, or a range such as `20-30` or `any`, has one of the ports. */
function hasPort(range: unknown, ports: readonly number[]): boolean {
  if (range === undefined || range === "any" || range === "") return true;
  const [from = 0, to = from] = String(range).split("-").map(Number);
  return ports.some((port) => from <= port && port <= to);
}

/** Labels of every server and of what belongs to it. The recovery needs them. */
const OWN_LABELS = ["managed-by", "stack"];

/** The host that a labelled resource belongs to. */
const hostOf = ({ inputs }: Resource): string | undefined => text(table(inputs["labels"])["host"]);

function firewall(resource: Resource, { inventory }: Plan): Partial<Facts> {
  const name = hostOf(resource);
  const host = name === undefined ? undefined : entryOf(inventory.hosts, name);
  const ports = host === undefined ? [SSH_PORT] : openSshPorts(inventory, host);
  const rules = list(resource.inputs["rules"]).map(table);
  const open = rules.filter(
    ({ direction, protocol, port }) => direction === "in" && protocol === "tcp" && hasPort(port, ports),
  );
  return {
    sshSources: open
      .flatMap(({ sourceIps }) => texts(sourceIps))
      .map((network) => ({
        key:
          name === undefined || host === undefined
            ? elsewhere(resource)
            : sshSourceKey(inventory, name, network),
        host: name ?? resource.name,
        network,
      })),
  };
}

function labelled(resource: Resource, { inventory }: Plan): Partial<Facts> {
  const host = hostOf(resource);
  const isServer = resource.type === "hcloud:index/server:Server";
  return {
    labels: [
      {
        key: host === undefined ? elsewhere(resource) : `hosts.${host}.provider.labels`,
        what: `${isServer ? "server" : "resource"} ${resource.name}`,
        kind: "labels",
        present: filled(table(resource.inputs["labels"])),
        needed: [...OWN_LABELS, ...(isServer ? inventory.policy.requiredLabels : [])],
      },
    ],
  };
}

/** A server gives up its protection on purpose with `decommission = "delete"`. */
function server(resource: Resource, { environment, inventory, retired }: Plan): Partial<Facts> {
  const host = hostOf(resource);
  if (retired.some(({ name, decommission }) => name === host && decommission === "delete")) return {};
  const isKnown = host !== undefined && (Object.hasOwn(inventory.hosts, host) || retired.length > 0);
  return {
    keepsakes: [
      {
        key: isKnown ? `environments.${environment}.protect` : elsewhere(resource),
        what: `server ${resource.name}`,
        environment,
        isProtected: resource.isProtected && resource.inputs["deleteProtection"] === true,
      },
    ],
  };
}

function both(a: FactsOf, b: FactsOf): FactsOf {
  return (resource, plan) => ({ ...a(resource, plan), ...b(resource, plan) });
}

export const policy: readonly ResourceKind[] = [
  ["hcloud:index/firewall:", both(firewall, labelled)],
  ["hcloud:index/server:", both(server, labelled)],
  ["hcloud:index/primaryIp:", labelled],
  ["hcloud:index/sshKey:", labelled],
  ["hcloud:index/placementGroup:", labelled],
  ["hcloud:index/volume:", labelled],
];
