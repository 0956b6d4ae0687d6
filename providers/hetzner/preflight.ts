/**
 * Finds what Hetzner Cloud would refuse before anything is changed. The provider stops a server to change
 * its type, and leaves it off when the vendor then refuses. Source: resourceServerUpdate in
 * internal/server/resource.go of terraform-provider-hcloud v1.68.0.
 *
 * Runs while Nix evaluates. Must not import Pulumi's SDK, which loads at the same time.
 */

import { Config } from "@pulumi/pulumi/config.js";
import { HETZNER_ENDPOINT, HetznerApi, type Server, type ServerType } from "../../clients/hetzner/api.ts";
import { canonicalAddress, ONE_MACHINE_REMEDY } from "../../inventory/machine-checks.ts";
import { type ExistingHost, isExisting, type Plan } from "../../inventory/plan.ts";
import { ARCHITECTURES, systemFor } from "../../inventory/system.ts";
import { messageOf } from "../../lib/message-of.ts";
import { firstNames, nearestName, unknownName } from "../../lib/names.ts";
import { type HetznerHost, isHetzner } from "./host.ts";

/** One stack's servers at the vendor. */
export interface VendorView {
  /** By the host name in their labels. */
  readonly servers: ReadonlyMap<string, Server>;
  readonly types: ReadonlyMap<string, ServerType>;
  /** Wanted images that the vendor does not have for their architecture; keys of `imageKey`. */
  readonly missingImages: ReadonlySet<string>;
}

export interface Findings {
  /** One line each; any of them stops the run before anything is changed. */
  readonly problems: string[];
  readonly warnings: string[];
  /** Host -> why its server keeps its type in this run. Other hosts are not affected. */
  readonly held: ReadonlyMap<string, string>;
}

/** A host's server at the vendor. Until the run that renames a host, its server has the former name. */
export const serverOf = (view: VendorView, { name, formerly }: HetznerHost): Server | undefined =>
  view.servers.get(name) ?? (formerly === undefined ? undefined : view.servers.get(formerly));

/** Whether `up` changes the type of an existing server. */
export const isResized = (host: HetznerHost, server: Server | undefined): server is Server =>
  server !== undefined && server.server_type.name !== host.provider.serverType;

const imageKey = (host: HetznerHost): string => `${host.provider.image} ${ARCHITECTURES[host.system]}`;

/** Reads types, servers, and the images of servers that this run creates or reinstalls. */
export async function fetchVendorView(
  api: HetznerApi,
  stack: string,
  hosts: readonly HetznerHost[],
): Promise<VendorView> {
  const [types, servers] = await Promise.all([
    api.serverTypes(),
    api.servers(`managed-by=pantheros,stack=${stack}`),
  ]);
  const view = {
    types: new Map(types.map((type) => [type.name, type])),
    servers: new Map(servers.flatMap((each) => (each.labels["host"] ? [[each.labels["host"], each]] : []))),
    missingImages: new Set<string>(),
  };
  const wanted = hosts.filter(
    (host) => host.provider.reinstall !== undefined || serverOf(view, host) === undefined,
  );
  const images = new Map(wanted.map((host) => [imageKey(host), host]));
  const found = await Promise.all(
    [...images].map(async ([key, { provider, system }]) =>
      (await api.hasImage(provider.image, ARCHITECTURES[system])) ? [] : [key],
    ),
  );
  return { ...view, missingImages: new Set(found.flat()) };
}

/** Location -> whether the type is available; undefined: the vendor does not report it. */
function soldIn({ locations, deprecation }: ServerType, now: number): Map<string, boolean> | undefined {
  const isOver = (at: ServerType["deprecation"]) => at != null && Date.parse(at.unavailable_after) <= now;
  if (isOver(deprecation)) return new Map();
  return (
    locations &&
    new Map(
      locations
        .filter((place) => !isOver(place.deprecation))
        .map(({ name, available }) => [name, available] as const),
    )
  );
}

/** Locations in which any type is sold; none when the vendor does not report them. */
const locationsOf = ({ types }: VendorView, now: number): string[] => [
  ...new Set([...types.values()].flatMap((type) => [...(soldIn(type, now)?.keys() ?? [])])),
];

interface HostFinding {
  readonly problem?: { readonly key: string; readonly message: string };
  readonly warning?: string;
  readonly held?: string;
}

/** Whether the vendor would refuse the wanted type: in the host's location, or where an existing server is. */
function checkServerType(
  view: VendorView,
  host: HetznerHost,
  server: Server | undefined,
  now: number,
): HostFinding {
  const { serverType: wanted, location } = host.provider;
  const refuse = (message: string): HostFinding => ({ problem: { key: "provider.server_type", message } });
  const where = server?.location?.name ?? location;
  const fitting = [...view.types.values()]
    .filter(
      ({ architecture }) => architecture === (server?.server_type.architecture ?? ARCHITECTURES[host.system]),
    )
    .filter(({ disk }) => disk >= (server?.primary_disk_size ?? 0))
    .filter((type) => soldIn(type, now)?.get(where) ?? false)
    .map(({ name }) => name)
    .sort();
  const choose = `choose another: ${firstNames(fitting)}`;
  const locations = locationsOf(view, now);
  if (server === undefined && locations.length > 0 && !locations.includes(location)) {
    return {
      problem: {
        key: "provider.location",
        message: `Hetzner Cloud: ${unknownName("location", location, locations)}`,
      },
    };
  }
  const type = view.types.get(wanted);
  if (type === undefined) {
    const nearest = nearestName(wanted, fitting);
    const hint = nearest === undefined ? "" : `; did you mean "${nearest}"`;
    return refuse(`Hetzner Cloud has no server type "${wanted}"${hint}; ${choose}`);
  }
  if (server !== undefined && type.architecture !== server.server_type.architecture) {
    return refuse(
      `the server is a ${server.server_type.name} (${server.server_type.architecture}) and can't become a ${wanted} (${type.architecture}); ` +
        `${choose}. For the other architecture add a host of another name, move its data, and remove this one`,
    );
  }
  if (server !== undefined && type.disk < server.primary_disk_size) {
    return refuse(
      `the disk of a ${wanted} has ${type.disk} GB, the server's has ${server.primary_disk_size} GB and can't shrink; ${choose}`,
    );
  }
  const sold = soldIn(type, now);
  if (sold === undefined) return {};
  const available = sold.get(where);
  if (available === undefined) return refuse(`a ${wanted} is not sold in ${where}; ${choose}`);
  if (available) return {};
  const none = `${wanted} is sold out in ${where} now`;
  return server === undefined
    ? { warning: `${none}: the server can't be created now; run up again later, or ${choose}` }
    : {
        held: `${none}: the server stays a ${server.server_type.name} and keeps running; run up again later, or ${choose}`,
      };
}

function checkHost(view: VendorView, host: HetznerHost, now: number): HostFinding {
  const server = serverOf(view, host);
  const actual = server?.server_type.architecture ?? view.types.get(host.provider.serverType)?.architecture;
  if (server === undefined || isResized(host, server)) {
    const finding = checkServerType(view, host, server, now);
    if (finding.problem !== undefined) return finding;
    if (actual === ARCHITECTURES[host.system]) return { ...checkImage(view, host), ...finding };
  }
  if (actual !== undefined && actual !== ARCHITECTURES[host.system]) {
    const message = `"${host.system}" can't run on the server, which has ${actual === "arm" ? "an ARM" : "an x86"} processor; set system = "${systemFor(actual)}"`;
    return { problem: { key: "system", message } };
  }
  return checkImage(view, host);
}

function checkImage({ missingImages }: VendorView, host: HetznerHost): HostFinding {
  if (!missingImages.has(imageKey(host))) return {};
  const message = `Hetzner Cloud has no image "${host.provider.image}" for ${ARCHITECTURES[host.system]}; name another, such as "debian-13"`;
  return { problem: { key: "provider.image", message } };
}

/** Adopted machines that are servers of the stack itself. */
function adoptedProblems(
  view: VendorView,
  hosts: readonly ExistingHost[],
  created: readonly HetznerHost[],
): string[] {
  const owners = new Map<string, string>();
  for (const host of created) {
    const net = serverOf(view, host)?.public_net;
    // The server's own address is the first of its /64.
    for (const at of [net?.ipv4?.ip, net?.ipv6?.ip.replace(/::(\/\d+)?$/, "::1")]) {
      if (at !== undefined) owners.set(canonicalAddress(at), host.name);
    }
  }
  return hosts.flatMap(({ name, provider }) =>
    (["address", "ipv6"] as const).flatMap((key) => {
      const at = provider[key];
      const owner = at === undefined ? undefined : owners.get(canonicalAddress(at));
      return owner === undefined
        ? []
        : [
            `hosts.${name}.provider.${key}: ${at} is the address of the server of hosts.${owner}; ${ONE_MACHINE_REMEDY}`,
          ];
    }),
  );
}

/** Checks every created host of a plan. `now`: milliseconds since 1970. */
export function preflightFindings(view: VendorView, plan: Plan, now: number): Findings {
  // A retired server that no longer exists is not created again.
  const kept = plan.retired.filter(isHetzner).filter((host) => serverOf(view, host) !== undefined);
  const created = [...plan.hosts.filter(isHetzner), ...kept];
  const checked = created.map((host) => ({ name: host.name, ...checkHost(view, host, now) }));
  const existing = plan.hosts.filter(isExisting);
  return {
    problems: [
      ...checked.flatMap(({ name, problem }) =>
        problem === undefined ? [] : [`hosts.${name}.${problem.key}: ${problem.message}`],
      ),
      ...adoptedProblems(view, existing, created),
    ],
    warnings: checked.flatMap(({ name, warning }) =>
      warning === undefined ? [] : [`hosts.${name}.provider.server_type: ${warning}`],
    ),
    held: new Map(checked.flatMap(({ name, held }) => (held === undefined ? [] : [[name, held]]))),
  };
}

/** The vendor's answer, and what was found in it. */
export interface Preflight extends Findings {
  readonly api: HetznerApi;
  readonly view: VendorView;
}

/** Few, since a preview works without the answer and should not wait minutes for it. */
const MAX_ATTEMPTS = 2;

const shortMessage = (error: unknown): string => messageOf(error).slice(0, 300);

/** Undefined: no token. `failure`: why the vendor gave no answer. Never throws. */
export async function preflight(
  plan: Plan,
  stack: string,
): Promise<Preflight | { readonly failure: string } | undefined> {
  const config = new Config("hcloud");
  const token = config.get("token") || process.env["HCLOUD_TOKEN"];
  // The provider reports a missing token.
  if (!token) return undefined;
  const api = new HetznerApi({
    endpoint: config.get("endpoint") ?? HETZNER_ENDPOINT,
    token,
    maxAttempts: MAX_ATTEMPTS,
  });
  try {
    const view = await fetchVendorView(api, stack, plan.hosts.filter(isHetzner));
    return { api, view, ...preflightFindings(view, plan, Date.now()) };
  } catch (error) {
    return { failure: shortMessage(error) };
  }
}
