/** A host with its classes. */
export interface TaggedHost {
  readonly name: string;
  /** Classes, without the prefix `tag:` (`server`, `router`, `workstation`). */
  readonly tags: readonly string[];
}

export interface PolicyHost extends TaggedHost {
  /** Ports of its sshd. */
  readonly sshPorts: readonly number[];
}

/** A service of the registry. */
export interface PolicyService {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Groups that may reach it, in addition to the administrators and the fleet's servers. */
  readonly groups: readonly string[];
}

/** Input of the tailnet's policy: the whole fleet, because a tailnet has one policy. */
export interface PolicyInput {
  /** Group name -> e-mail addresses. */
  readonly groups: Readonly<Record<string, readonly string[]>>;
  /** The group that may reach everything. */
  readonly admins: string;
  readonly hosts: readonly PolicyHost[];
  readonly services: readonly PolicyService[];
  /** User that administrators may become by Tailscale SSH. */
  readonly deployUser: string;
}

/** Allows traffic from `src` to `dst` on `ip` (`tcp:22`, `*`); all other traffic is refused. */
export interface Grant {
  readonly src: readonly string[];
  readonly dst: readonly string[];
  readonly ip: readonly string[];
}

/** A check the vendor runs before it accepts a policy. */
export interface PolicyTest {
  readonly src: string;
  readonly proto: "tcp";
  readonly accept?: readonly string[];
  readonly deny?: readonly string[];
}

/** A tailnet policy file. Source: tailscale.com/kb/1337, "Syntax reference for the tailnet policy file". */
export interface TailnetPolicy {
  readonly groups: Readonly<Record<string, readonly string[]>>;
  readonly tagOwners: Readonly<Record<string, readonly string[]>>;
  readonly grants: readonly Grant[];
  readonly ssh: readonly { action: "check"; src: string[]; dst: string[]; users: string[] }[];
  readonly tests: readonly PolicyTest[];
}

/** Tag of the runners that deploy. */
const CI_TAG = "tag:ci";
/** Tag of the OAuth client that creates keys: it must own the tags of the keys. */
const PROVISIONER_TAG = "tag:pantheros";
/** Class whose members may reach the fleet's services: proxies, collectors, databases' clients. */
const SERVER_TAG = "tag:server";

const unique = (values: readonly string[]) => [...new Set(values)].sort();

/** A tag of this host only, so that a service's port opens on its host and nowhere else. */
export const hostTag = (host: string): string => `tag:host-${host}`;

/** Every tag of a host: its classes and its own. */
export const tagsOf = (host: TaggedHost): string[] => [
  ...unique(host.tags.map((tag) => `tag:${tag}`)),
  hostTag(host.name),
];

/** Destinations of SSH at one port: the classes if every host has the port, otherwise single hosts. */
interface SshTarget {
  readonly port: number;
  readonly dst: readonly string[];
}

function sshTargets(hosts: readonly PolicyHost[], classes: readonly string[]): SshTarget[] {
  const ports = [...new Set(hosts.flatMap(({ sshPorts }) => sshPorts))].sort((a, b) => a - b);
  return ports.map((port) => {
    const own = hosts.filter(({ sshPorts }) => sshPorts.includes(port));
    return { port, dst: own.length === hosts.length ? classes : own.map(({ name }) => hostTag(name)).sort() };
  });
}

function serviceGrants(services: readonly PolicyService[], servers: boolean): Grant[] {
  return services
    .map(({ host, port, groups }) => ({
      src: [...unique(groups.map((group) => `group:${group}`)), ...(servers ? [SERVER_TAG] : [])],
      dst: [hostTag(host)],
      ip: [`tcp:${port}`],
    }))
    .filter(({ src }) => src.length > 0);
}

/** Tests of the roles. Groups without members are left out, because the vendor can't resolve them. */
function policyTests(input: PolicyInput, classes: readonly string[]): PolicyTest[] {
  const at = (tags: readonly string[], port: number) => tags.map((tag) => `${tag}:${port}`);
  const targets = sshTargets(input.hosts, classes);
  const ssh = targets.flatMap(({ dst, port }) => at(dst, port));
  const populated = Object.keys(input.groups).filter((group) => (input.groups[group] ?? []).length > 0);
  const others = populated.filter((group) => group !== input.admins);
  const opened = new Set(input.services.map(({ port }) => port));
  const ours = new Set(targets.map(({ port }) => port));
  const closed = [5432, 6379, 8443, 9100].find((port) => !opened.has(port) && !ours.has(port)) ?? 1;
  const unopened = targets.filter(({ port }) => !opened.has(port));
  const closedSsh = unopened.flatMap(({ dst, port }) => at(dst, port));
  const tests: PolicyTest[] = [
    ...(populated.includes(input.admins)
      ? [{ src: `group:${input.admins}`, proto: "tcp" as const, accept: ssh }]
      : []),
    { src: CI_TAG, proto: "tcp", accept: ssh, deny: at(classes, closed) },
    ...others.map((group): PolicyTest => {
      const allowed = input.services.filter((service) => service.groups.includes(group));
      return {
        src: `group:${group}`,
        proto: "tcp",
        ...(allowed.length > 0 && { accept: allowed.map(({ host, port }) => `${hostTag(host)}:${port}`) }),
        ...(closedSsh.length > 0 && { deny: closedSsh }),
      };
    }),
  ];
  return tests.filter((test) => (test.accept ?? test.deny ?? []).length > 0);
}

/**
 * The policy of a fleet. Administrators reach everything. Runners reach only sshd of every host.
 * Servers and a service's groups reach that service's port on its host.
 *
 * Tailscale SSH is for administrators only and asks them to sign in again; deploys use OpenSSH with
 * pinned host keys.
 */
export function policyFor(input: PolicyInput): TailnetPolicy {
  const admins = `group:${input.admins}`;
  const classes = unique(input.hosts.flatMap((host) => host.tags.map((tag) => `tag:${tag}`)));
  const own = input.hosts.map((host) => hostTag(host.name)).sort();
  const owned = [...unique([...classes, CI_TAG]), ...own];
  return {
    groups: Object.fromEntries(
      Object.entries(input.groups)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([group, members]) => [`group:${group}`, [...members]]),
    ),
    tagOwners: {
      [PROVISIONER_TAG]: [admins],
      ...Object.fromEntries(owned.map((tag) => [tag, [admins, PROVISIONER_TAG]])),
    },
    grants: [
      { src: [admins], dst: ["*"], ip: ["*"] },
      ...sshTargets(input.hosts, classes)
        .filter(({ dst }) => dst.length > 0)
        .map(({ port, dst }) => ({ src: [CI_TAG], dst, ip: [`tcp:${port}`] })),
      ...serviceGrants(input.services, classes.includes(SERVER_TAG)),
    ],
    ssh:
      classes.length > 0
        ? [
            {
              action: "check",
              src: [admins],
              dst: classes,
              users: unique([input.deployUser, "autogroup:nonroot"]),
            },
          ]
        : [],
    tests: policyTests(input, classes),
  };
}
