/** Where systems are built, and which hosts trust those stores. */
import { entryOf } from "../lib/entry-of.ts";
import { unknownName } from "../lib/names.ts";
import { collisions, type Problem } from "./problems.ts";
import type { Host, Inventory } from "./schema.ts";

/** Values of `build` that are not names of hosts. */
const BUILD_KEYWORDS = ["local", "target"];

/** The host whose store builds `name`; undefined for the runner's store. */
function builderOf(inventory: Inventory, name: string): string | undefined {
  const { build = "local" } = entryOf(inventory.hosts, name) ?? {};
  if (build === "local") return undefined;
  return build === "target" ? name : build;
}

/** Whether every host trusts what is built for this host. Otherwise only this host trusts it. */
export function isBuiltTrusted(inventory: Inventory, name: string): boolean {
  const builder = builderOf(inventory, name);
  return builder === undefined || inventory.deploy.trustedBuilders.includes(builder);
}

/** A cycle of hosts that build one another, from `host` to `host`; undefined when there is none. */
function buildCycle(inventory: Inventory, host: string): string[] | undefined {
  const chain = [host];
  for (
    let at = entryOf(inventory.hosts, host)?.build;
    at !== undefined;
    at = entryOf(inventory.hosts, at)?.build
  ) {
    if (at === host) return [...chain, host];
    if (BUILD_KEYWORDS.includes(at) || chain.includes(at)) return undefined;
    chain.push(at);
  }
  return undefined;
}

function buildPlaceProblems(inventory: Inventory): Problem[] {
  return Object.entries(inventory.hosts).flatMap(([name, host]) => {
    const problem = (message: string): Problem[] => [{ key: `hosts.${name}.build`, message }];
    if (BUILD_KEYWORDS.includes(name)) {
      return [
        { key: `hosts.${name}`, message: `choose another host name; "${name}" is reserved by \`build\`` },
      ];
    }
    if (BUILD_KEYWORDS.includes(host.build)) return [];
    const builder = entryOf(inventory.hosts, host.build);
    if (builder === undefined) {
      const hosts = Object.keys(inventory.hosts);
      return problem(`${unknownName("host", host.build, hosts)}; "local" and "target" are allowed too`);
    }
    if (host.build === name) return problem('set build = "target" for a host that builds its own system');
    if (builder.provider.kind === "image")
      return problem(`${host.build} is an image, which never runs: choose another builder`);
    if (builder.environment !== host.environment) {
      return problem(
        `${host.build} belongs to another environment (${builder.environment}): choose a builder of this one`,
      );
    }
    if (builder.system !== host.system) {
      return problem(
        `${host.build} is ${builder.system} and can't build for ${host.system}: choose another builder`,
      );
    }
    const cycle = buildCycle(inventory, name);
    return cycle === undefined ? [] : problem(`hosts build one another: ${cycle.join(" -> ")}`);
  });
}

function trustedBuilderProblems(inventory: Inventory): Problem[] {
  const { hosts, deploy } = inventory;
  const builders = new Set(Object.keys(hosts).flatMap((name) => builderOf(inventory, name) ?? []));
  return deploy.trustedBuilders.flatMap((name, at): Problem[] => {
    const problem = (message: string): Problem[] => [{ key: `deploy.trusted_builders[${at}]`, message }];
    if (!Object.hasOwn(hosts, name)) return problem(unknownName("host", name, Object.keys(hosts)));
    if (!builders.has(name)) {
      return problem(`nothing is built on ${name}: remove it, or set \`build\` of a host`);
    }
    // The builder of its system has root's rights on it.
    if (isBuiltTrusted(inventory, name)) return [];
    return problem(
      `${name} itself is built on ${builderOf(inventory, name)}, which could put anything into it: add that host to the list`,
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
        `"${own}" is the name of a key of [cache]: use the host's own, which \`tools/build-key ${name}\` prints`,
      );
    }
    if (fleetName !== undefined && !own.startsWith(`${fleetName}-`)) {
      return problem(
        `"${own}" does not belong to the signing key "${fleetName}": use the key that \`tools/build-key ${name}\` prints`,
      );
    }
    return [];
  });
  const shared = collisions(hosts, ([, host]) => keyName(host.buildKey));
  return [
    ...problems,
    ...shared.map(([[a], [b], name]) => ({
      key: `hosts.${b}.build_key`,
      message: `"${name}" is also the key of hosts.${a}: use the key that \`tools/build-key ${b}\` prints`,
    })),
  ];
}

export const buildProblems = (inventory: Inventory): Problem[] => [
  ...buildPlaceProblems(inventory),
  ...trustedBuilderProblems(inventory),
  ...buildKeyProblems(inventory),
];
