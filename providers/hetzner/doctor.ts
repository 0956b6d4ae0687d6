/** The project at Hetzner Cloud: the token, what the created servers need, and what is there already. */
import { countOf, mayWrite, serversNamed, sshKeys } from "../../clients/hetzner/account.ts";
import { HETZNER_ENDPOINT, HetznerApi } from "../../clients/hetzner/api.ts";
import { VendorError } from "../../clients/vendor-api.ts";
import type { Plan } from "../../inventory/plan.ts";
import { type Check, missingProblems, type Observation, type Problem, required } from "../../lib/check.ts";
import { sshfpOf } from "../../lib/ssh-public-key.ts";
import type { AccountLimits, ProviderCheckArgs, ProviderChecks } from "../doctor.ts";
import { type HetznerHost, isHetzner } from "./host.ts";
import { fetchVendorView, preflightFindings, serverOf } from "./preflight.ts";

/** Where a project's tokens are made. */
const TOKENS = "Hetzner Cloud console, project, Security, API tokens";
const LIMITS = "https://console.hetzner.cloud/limits";

/** Whether the token works and may write. */
async function tokenProblems(api: HetznerApi): Promise<Problem[]> {
  try {
    if (await mayWrite(api)) return [];
  } catch (error) {
    if (!(error instanceof VendorError) || error.status !== 401) throw error;
    return [
      {
        what: "Hetzner Cloud refuses HCLOUD_TOKEN",
        why: "no server can be created or asked for",
        fix: `make a token with Read & Write (${TOKENS}) and store it where HCLOUD_TOKEN points to`,
      },
    ];
  }
  return [
    {
      what: "HCLOUD_TOKEN may only read",
      why: "servers, addresses and firewalls are created with it",
      fix: `make a token with Read & Write (${TOKENS})`,
    },
  ];
}

/** Types, images and locations of the inventory that the vendor refuses. */
async function catalogProblems(api: HetznerApi, plan: Plan, stack: string): Promise<Problem[]> {
  const view = await fetchVendorView(api, stack, plan.hosts.filter(isHetzner));
  const { problems, warnings } = preflightFindings(view, plan, Date.now());
  const problem = (line: string): Problem => ({
    what: line,
    why: "Hetzner Cloud would refuse to create the server",
    fix: `edit the key ${line.split(":")[0]} of the inventory`,
  });
  return [
    ...problems.map(problem),
    ...warnings.map((line) => ({ ...problem(line), level: "warning" as const })),
  ];
}

/** Servers of the project that have a host's name and are not the stack's. */
async function nameProblems(
  api: HetznerApi,
  hosts: readonly HetznerHost[],
  stack: string,
): Promise<Problem[]> {
  const found = await Promise.all(hosts.map(({ name }) => serversNamed(api, name)));
  return found.flat().flatMap(({ name, labels }) => {
    const owner = labels["managed-by"] === "pantheros" ? labels["stack"] : undefined;
    if (owner === stack) return [];
    return [
      {
        what: `the project has a server "${name}" ${owner === undefined ? "that no stack created" : `of the stack ${owner}`}`,
        why: "names are unique in a project, so the server cannot be created",
        fix: "use a project for each stack, rename the server (hcloud server update NAME --name NEW), or call the host otherwise",
      },
    ];
  });
}

/** Keys that the project has under another name, which the vendor does not allow twice. */
async function sshKeyProblems(api: HetznerApi, authorized: readonly string[]): Promise<Problem[]> {
  const wanted = new Set(authorized.map((key) => sshfpOf(key).fingerprint));
  const known = await sshKeys(api);
  return known
    .filter(({ public_key: key }) => /^(ssh|ecdsa)-/.test(key) && wanted.has(sshfpOf(key).fingerprint))
    .filter(({ labels }) => labels["managed-by"] !== "pantheros")
    .map(({ name }) => ({
      what: `the project has the deploy key already, as "${name}"`,
      why: "Hetzner Cloud accepts a key once in a project, so the program cannot upload it",
      fix: `hcloud ssh-key delete "${name}"`,
    }));
}

/** Of each created server: an IPv4 and an IPv6 address. */
const ADDRESSES_PER_SERVER = 2;

/** Compares what a run adds with the account's limits, which the vendor does not tell (hcloud-go#302). */
async function quotaProblems(
  api: HetznerApi,
  { plan, stack, limits }: ProviderCheckArgs,
): Promise<Observation[]> {
  const hosts = plan.hosts.filter(isHetzner);
  const view = await fetchVendorView(api, stack, hosts);
  const [servers, addresses] = await Promise.all([countOf(api, "servers"), countOf(api, "primary_ips")]);
  const created = hosts.filter((host) => serverOf(view, host) === undefined).length;
  return quotaObservations({ servers, addresses }, created, limits);
}

function quotaObservations(
  used: { readonly servers: number; readonly addresses: number },
  created: number,
  limits: AccountLimits,
): Observation[] {
  if (created === 0) return [];
  const kinds = [
    { kind: "servers", option: "--server-limit", has: used.servers, adds: created, limit: limits.servers },
    {
      kind: "primary IP addresses",
      option: "--address-limit",
      has: used.addresses,
      adds: created * ADDRESSES_PER_SERVER,
      limit: limits.addresses,
    },
  ];
  return kinds.flatMap(({ kind, option, has, adds, limit }): Observation[] => {
    if (limit === undefined) {
      const note = `the project has ${has} ${kind} and gets ${adds} more; the vendor's API does not tell the account's limit: compare it with ${LIMITS}, or give it as ${option}`;
      return [{ note }];
    }
    if (has + adds <= limit) return [];
    return [
      {
        what: `the project has ${has} ${kind} and gets ${adds} more, and the account's limit is ${limit}`,
        why: "Hetzner Cloud refuses what exceeds the limit (resource_limit_exceeded)",
        fix: `ask for a higher limit at ${LIMITS}, or remove what is not used`,
      },
    ];
  });
}

export const doctor: ProviderChecks = (args): Check[] => {
  const { plan, env, stack, vendorConfig } = args;
  const hosts = plan.hosts.filter(isHetzner);
  const withApi = (check: (api: HetznerApi) => Promise<Observation[]>) => async () =>
    check(
      new HetznerApi({
        endpoint: vendorConfig("hcloud:endpoint") ?? HETZNER_ENDPOINT,
        token: required(env, "HCLOUD_TOKEN"),
        maxAttempts: 2,
      }),
    );
  const missing = () =>
    missingProblems(
      env,
      ["HCLOUD_TOKEN"],
      "servers are created with it",
      `make a token with Read & Write (${TOKENS})`,
    );
  return [
    { name: "token", run: async () => (missing().length > 0 ? missing() : withApi(tokenProblems)()) },
    { name: "server types", run: withApi((api) => catalogProblems(api, plan, stack)) },
    { name: "server names", run: withApi((api) => nameProblems(api, hosts, stack)) },
    { name: "SSH keys", run: withApi((api) => sshKeyProblems(api, plan.inventory.deploy.authorizedKeys)) },
    { name: "limits", run: withApi((api) => quotaProblems(api, args)) },
  ];
};
