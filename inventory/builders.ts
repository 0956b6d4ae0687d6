/** Where systems are built, and which of those stores is trusted by whom. */
import { collisions, known, type Problem } from "./problems.ts";
import type { Host, Inventory } from "./schema.ts";

/** Words that say where a host is built, and so no host's names. */
const buildWords = ["local", "target"];

/** The host whose store builds `name`; undefined: the runner's does. */
function builderOf(inventory: Inventory, name: string): string | undefined {
  const { build = "local" } = inventory.hosts[name] ?? {};
  if (build === "local") return undefined;
  return build === "target" ? name : build;
}

/** Whether what is built for a host counts on every host, and not on that one alone. */
export function isBuiltTrusted(inventory: Inventory, name: string): boolean {
  const builder = builderOf(inventory, name);
  return builder === undefined || inventory.deploy.trustedBuilders.includes(builder);
}

/** Hosts that are built one on another, beginning and ending with `host`; undefined when the chain ends. */
function buildCycle(inventory: Inventory, host: string): string[] | undefined {
  const chain = [host];
  for (let at = inventory.hosts[host]?.build; at !== undefined; at = inventory.hosts[at]?.build) {
    if (at === host) return [...chain, host];
    if (buildWords.includes(at) || chain.includes(at)) return undefined;
    chain.push(at);
  }
  return undefined;
}

function placeProblems(inventory: Inventory): Problem[] {
  return Object.entries(inventory.hosts).flatMap(([name, host]) => {
    const problem = (message: string): Problem[] => [{ key: `hosts.${name}.build`, message }];
    if (buildWords.includes(name)) {
      return [{ key: `hosts.${name}`, message: `"${name}" is a word of \`build\`: call the host otherwise` }];
    }
    if (buildWords.includes(host.build)) return [];
    const builder = inventory.hosts[host.build];
    if (builder === undefined) {
      const hosts = known(Object.keys(inventory.hosts));
      return problem(`unknown host "${host.build}"; allowed are local, target, and hosts: ${hosts}`);
    }
    if (host.build === name) return problem('a host that builds its own system has build = "target"');
    if (builder.provider.kind === "image") return problem(`${host.build} is an image and never runs`);
    if (builder.environment !== host.environment) {
      return problem(
        `${host.build} belongs to another stack (${builder.environment}), which knows its address`,
      );
    }
    if (builder.system !== host.system) {
      return problem(`${host.build} is ${builder.system} and can't build for ${host.system}`);
    }
    const cycle = buildCycle(inventory, name);
    return cycle === undefined ? [] : problem(`built on one another: ${cycle.join(" -> ")}`);
  });
}

function trustedBuilderProblems(inventory: Inventory): Problem[] {
  const { hosts, deploy } = inventory;
  const builders = new Set(Object.keys(hosts).flatMap((name) => builderOf(inventory, name) ?? []));
  return deploy.trustedBuilders.flatMap((name, at): Problem[] => {
    const problem = (message: string): Problem[] => [{ key: `deploy.trusted_builders[${at}]`, message }];
    if (!(name in hosts)) return problem(`unknown host "${name}"; hosts are ${known(Object.keys(hosts))}`);
    if (!builders.has(name)) {
      return problem(`nothing is built on ${name}: take it out, or set \`build\` of a host`);
    }
    // Whoever builds its system is root on it.
    if (isBuiltTrusted(inventory, name)) return [];
    return problem(
      `${name} itself is built on ${builderOf(inventory, name)}, which is not in the list: it could put anything into ${name}`,
    );
  });
}

const keyName = (key: string | undefined): string | undefined => key?.split(":")[0];
const isDeployed = ({ provider, decommission }: Host): boolean =>
  provider.kind !== "image" && decommission === undefined;

function buildKeyProblems(inventory: Inventory): Problem[] {
  const hosts = Object.entries(inventory.hosts);
  const { publicKey, cachix } = inventory.cache;
  const fleetName = keyName(publicKey);
  const problems = hosts.flatMap(([name, host]): Problem[] => {
    const problem = (message: string): Problem[] => [{ key: `hosts.${name}.build_key`, message }];
    const own = keyName(host.buildKey);
    if (own === undefined) {
      return isBuiltTrusted(inventory, name) || !isDeployed(host)
        ? []
        : problem(
            `${builderOf(inventory, name)} builds for ${name} and is not trusted by the fleet: set the key that \`tools/build-key ${name}\` prints (docs/operations.md, "Who may build")`,
          );
    }
    if (own === fleetName || own === keyName(cachix?.publicKey)) {
      return problem(
        `"${own}" is the name of a key of [cache]: \`tools/build-key ${name}\` prints the host's own`,
      );
    }
    if (fleetName !== undefined && !own.startsWith(`${fleetName}-`)) {
      return problem(
        `"${own}" does not belong to the signing key "${fleetName}": \`tools/build-key ${name}\` prints one that does`,
      );
    }
    return [];
  });
  const shared = collisions(hosts, ([, host]) => keyName(host.buildKey));
  return [
    ...problems,
    ...shared.map(([[a], [b], name]) => ({
      key: `hosts.${b}.build_key`,
      message: `"${name}" is also the key of hosts.${a}: \`tools/build-key ${b}\` prints its own`,
    })),
  ];
}

export const buildProblems = (inventory: Inventory): Problem[] => [
  ...placeProblems(inventory),
  ...trustedBuilderProblems(inventory),
  ...buildKeyProblems(inventory),
];
