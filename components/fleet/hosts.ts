import * as pulumi from "@pulumi/pulumi";
import type { Evaluation } from "../../deployer/evaluate.ts";
import type { DeliveryResult } from "../../deployer/secrets/delivery.ts";
import { isBuiltTrusted } from "../../inventory/builders.ts";
import type { Plan } from "../../inventory/plan.ts";
import { changedLimits, type RunnerSeconds } from "../../inventory/seconds.ts";
import { oneLine } from "../../lib/sanitize.ts";
import type { Settings } from "../../settings/settings.ts";
import { recoverWith, reportError } from "../failures.ts";
import { formerNames } from "../former-names.ts";
import { isDeployedPublicly } from "../hetzner-server/mapping.ts";
import type { Machine } from "../machine.ts";
import { type Identity, identityFindings } from "../nixos-host/identity.ts";
import { NixosHost, type NixosHostArgs } from "../nixos-host/nixos-host.ts";
import { laterWaves, Prefetch } from "../nixos-host/prefetch.ts";
import { explain } from "../nixos-host/preview/explain.ts";
import { previousResultsReader, underFormerName } from "../nixos-host/previous.ts";
import { hostsToAwait, inWaveOrder, type WaveHost } from "../nixos-host/waves.ts";
import { provenance } from "../provenance.ts";
import { SecretDelivery } from "../secrets/delivery.ts";
import type { HostSecret } from "../secrets/secrets.ts";
import { installArgs } from "./installs.ts";
import { type Machines, machineOf } from "./machines.ts";
import type { Servers } from "./servers.ts";

/** The stack's hosts as NixOS systems, and what else has to be true for the run to have succeeded. */
export interface DeployedHosts {
  readonly hosts: ReadonlyMap<string, NixosHost>;
  /** One line for each secret that did not arrive. */
  readonly problems: pulumi.Output<string[]>;
}

interface DeployHostsArgs {
  readonly plan: Plan;
  readonly settings: Settings;
  readonly evaluation: pulumi.Input<Evaluation>;
  readonly machines: Machines;
  readonly servers: Servers;
  /** What each host gets before its deploy. */
  readonly secrets: readonly HostSecret[];
  /** Resolves when a host's device has its name in the tailnet. */
  readonly devices: Readonly<Record<string, pulumi.Output<unknown>>>;
  readonly parent: pulumi.Resource;
}

const toWaveHost = (host: Plan["hosts"][number]): WaveHost & { readonly planned: Plan["hosts"][number] } => ({
  name: host.name,
  wave: host.wave,
  converge: host.reachability === "always" ? "must" : "best-effort",
  planned: host,
});

/** What a delivery that did not arrive means for the run: nothing for a best-effort host that is away. */
export function deliveryProblem(result: DeliveryResult, converge: WaveHost["converge"]): string | undefined {
  if (result.outcome === "delivered" || converge === "best-effort") return undefined;
  return `${result.host}: secret ${result.secret} ${result.outcome}: ${oneLine(result.reason)}`;
}

/** The limits of a deploy's steps. */
function stepSeconds(seconds: RunnerSeconds): NonNullable<NixosHostArgs["seconds"]> {
  const { connect, probe, build, sign, push, substitute, copy } = seconds;
  return changedLimits({ connect, probe, build, sign, push, substitute, copy });
}

/** Pinned hosts of earlier waves, as what holds a host back is told. */
const pinnedInEarlierWaves = (order: readonly WaveHost[], wave: number, pins: Settings["pins"]): string[] =>
  order
    .filter((host) => host.wave < wave && pins[host.name] !== undefined)
    .map(({ name }) => `${name} (pinned)`);

/** The address that deploys use: the tailnet's name, or the public address where the inventory says so. */
function deployAddress(
  plan: Plan,
  host: string,
  machine: Machine,
  renamed?: pulumi.Output<unknown>,
): pulumi.Output<string> {
  const { tailnet } = plan.inventory;
  if (isDeployedPublicly(plan.inventory) || tailnet === undefined) return machine.address;
  // After the machine, so that nothing is asked before it exists.
  return pulumi.all([machine.address, renamed]).apply(() => `${host}.${tailnet.suffix}`);
}

/** Where a host is built, when that is not here. The builder's deploy is not waited for: it builds with what it runs. */
function buildArgs(
  plan: Plan,
  machines: Machines,
  { name: host, build: place = "local", buildKey }: Plan["hosts"][number],
): Pick<NixosHostArgs, "build" | "signer"> {
  if (place === "local") return {};
  const signer = isBuiltTrusted(plan.inventory, host) ? "fleet" : buildKey;
  if (signer === undefined) throw new Error(`hosts.${host}.build_key is missing`);
  if (place === "target") return { build: place, signer };
  const machine = machineOf(machines, place);
  if (machine === undefined) throw new Error(`no machine was made for ${place}, which builds for ${host}`);
  const { sshPort: port, hostKey } = machine;
  return { build: { host: place, address: deployAddress(plan, place, machine), port, hostKey }, signer };
}

/** A pin that holds nobody is told: it would act again when a host of that name comes back. */
function warnUnknownPins(plan: Plan, settings: Settings): void {
  const names = new Set(plan.hosts.map(({ name }) => name));
  for (const name of Object.keys(settings.pins).filter((pinned) => !names.has(pinned))) {
    pulumi.log.warn(
      `pantheros:pins.${name}: no such host in this stack; tools/pulumi rollback --release ${name}`,
    );
  }
}

/**
 * A host's machine as it presents itself; known when it has answered, or has not in time. Undefined: a resource failed that it needs.
 */
const identityOf = (
  { hostname: host, seen }: NixosHost,
  machine: Machine,
): pulumi.Output<Identity | undefined> =>
  recoverWith(
    pulumi.all([machine.hostKey, seen]).apply(([hostKey, probe]): Identity => ({ host, hostKey, probe })),
    () => undefined,
  );

/** Host -> why nothing is done on it: its machine is another host's as well. A preview fails for it, naming both. */
function refusalsOf(
  identities: readonly pulumi.Output<Identity | undefined>[],
  file: string,
): pulumi.Output<Readonly<Record<string, string>>> {
  return pulumi.all([...identities]).apply((known) => {
    const { refused, problems, warnings } = identityFindings(known.filter((each) => each !== undefined));
    for (const warning of warnings) pulumi.log.warn(`${file}: ${warning}`);
    if (pulumi.runtime.isDryRun()) {
      for (const problem of problems) reportError(`${file}: ${problem}`);
    }
    return refused;
  });
}

/**
 * Why nothing is done on a host, for each. Adopted machines are compared with each other before anything is done on any host; a created
 * one, which may only come to be in this run and has a key of our own, with the adopted ones when it answers.
 */
function refusals(
  hosts: ReadonlyMap<string, NixosHost>,
  { adopted, created }: Machines,
  file: string,
): (name: string) => pulumi.Output<string | undefined> {
  const identities = (found: ReadonlyMap<string, Machine>) =>
    [...found].flatMap(([name, machine]) => {
      const host = hosts.get(name);
      return host === undefined ? [] : [[name, identityOf(host, machine)] as const];
    });
  const before = identities(adopted).map(([, identity]) => identity);
  const amongAdopted = refusalsOf(before, file);
  const withCreated = new Map(
    before.length === 0
      ? []
      : identities(created).map(
          ([name, identity]) => [name, refusalsOf([...before, identity], file)] as const,
        ),
  );
  return (name) => (withCreated.get(name) ?? amongAdopted).apply((refused) => refused[name]);
}

/** One NixosHost per host, in the order of the waves; the secrets of each are brought to it before its deploy. */
export function deployHosts({
  plan,
  settings,
  evaluation,
  machines,
  servers,
  secrets,
  devices,
  parent,
}: DeployHostsArgs): DeployedHosts {
  warnUnknownPins(plan, settings);
  const { deploy, cache } = plan.inventory;
  const previous = previousResultsReader();
  const order = inWaveOrder(plan.hosts.map(toWaveHost));
  const after = hostsToAwait(order);
  // A preview deploys nothing.
  const whose = pulumi.runtime.isDryRun() ? undefined : provenance(settings.flake);
  const hosts = new Map<string, NixosHost>();
  const problems: { readonly host: string; readonly line: pulumi.Output<string | undefined> }[] = [];
  // Known when every host is declared, and each waits for it.
  type Refusals = ReturnType<typeof refusals>;
  let refuse: (by: Refusals) => void = () => {};
  const refusing = new Promise<Refusals>((resolve) => {
    refuse = resolve;
  });

  for (const { name, wave, converge, planned } of order) {
    const pin = settings.pins[name];
    const created = machines.created.get(name);
    const machine = machineOf(machines, name);
    if (machine === undefined) throw new Error(`no machine was made for host ${name}`);
    const deliver: NixosHostArgs["before"] = (contact) => {
      const results = secrets
        .filter((secret) => secret.host === name)
        .map(({ host, name: secret, value, read }) => {
          const args = { ...contact, host, secret, value, read, timeoutSeconds: deploy.seconds.secret };
          const opts = { parent, ...formerNames(planned) };
          const { result } = new SecretDelivery(`${name}-secret-${secret}`, args, opts);
          const line = recoverWith(
            result.apply((told) => deliveryProblem(told, converge)),
            (reason) => `${host}: secret ${secret} not delivered: ${reason}`,
          );
          problems.push({ host, line });
          // Like one that did not arrive: the host may have the secret from before.
          return recoverWith(result, () => undefined);
        });
      return pulumi.all(results);
    };
    hosts.set(
      name,
      new NixosHost(
        name,
        {
          host: name,
          // A host that is renamed has its new name in the tailnet first.
          address: deployAddress(
            plan,
            name,
            machine,
            planned.formerly === undefined ? undefined : devices[name],
          ),
          port: machine.sshPort,
          hostKey: machine.hostKey,
          evaluation,
          converge,
          user: deploy.user,
          identity: settings.sshKey,
          probe: settings.probe !== "off",
          maybeUnmanaged: created === undefined,
          power: servers.power.get(name),
          bootSeconds: deploy.seconds.install.boot,
          // What was put back on purpose waits for nobody; a canary that was puts nothing new through to later waves.
          after: pin === undefined ? (after[name] ?? []).flatMap((earlier) => hosts.get(earlier) ?? []) : [],
          held: pin === undefined ? pinnedInEarlierWaves(order, wave, settings.pins) : [],
          pin,
          previous: underFormerName(previous, name, planned.formerly),
          ...(created && {
            install: {
              address: created.address,
              bootstrapKey: created.bootstrapHostKey,
              hostPrivateKey: created.hostKeyPrivate,
              machineId: created.serverId,
              ...installArgs(plan, settings, name, { secrets, ipv6: created.ipv6 }),
            },
          }),
          ...buildArgs(plan, machines, planned),
          push: cache.push,
          refused: pulumi.output(refusing.then((by) => by(name))),
          reboot: planned.reboot,
          provenance: whose,
          before: deliver,
          seconds: {
            ...stepSeconds(deploy.seconds),
            health: deploy.healthSeconds,
            confirm: deploy.confirmSeconds,
            switch: deploy.switchSeconds,
            reboot: deploy.rebootSeconds,
          },
        },
        { parent, ...formerNames(planned) },
      ),
    );
  }
  refuse(refusals(hosts, machines, settings.fleetFile));
  explain(
    {
      ...{ hosts: [...hosts.values()], stack: settings.stack, file: settings.previewFile },
      ...{ cache: cache.url, seconds: deploy.seconds.compare },
    },
    { parent },
  );
  const later = laterWaves(order)
    .filter(({ name }) => settings.pins[name] === undefined)
    .flatMap(({ name }) => hosts.get(name) ?? []);
  if (later.length > 0) new Prefetch("prefetch", { hosts: later }, { parent });
  return {
    hosts,
    problems: pulumi
      .all(problems.map(({ host, line }) => pulumi.all([line, hosts.get(host)?.result])))
      .apply((told) => [
        ...servers.problems,
        // A host whose deploy did not begin says why in its result.
        ...told.flatMap(([line, result]) =>
          line === undefined || ["resources", "identity"].includes(result?.step ?? "") ? [] : [line],
        ),
      ]),
  };
}
