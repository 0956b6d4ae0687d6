import * as pulumi from "@pulumi/pulumi";
import type { Evaluation } from "../../deployer/evaluate.ts";
import type { DeliveryResult } from "../../deployer/secrets/delivery.ts";
import { isBuiltTrusted } from "../../inventory/builders.ts";
import type { Plan } from "../../inventory/plan.ts";
import { changedLimits, type RunnerSeconds } from "../../inventory/seconds.ts";
import { entryOf } from "../../lib/entry-of.ts";
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
import { comparesSecrets } from "../secrets/access.ts";
import { SecretDelivery } from "../secrets/delivery.ts";
import type { HostSecret } from "../secrets/secrets.ts";
import { installArgs } from "./installs.ts";
import { type Machines, machineOf } from "./machines.ts";
import type { Servers } from "./servers.ts";

/** The stack's hosts, and problems beside their deploys that fail the verdict. */
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
  /** Delivered to each host before its deploy. */
  readonly secrets: readonly HostSecret[];
  /** Host -> resolves when its device has its name in the tailnet. */
  readonly devices: Readonly<Record<string, pulumi.Output<unknown>>>;
  readonly parent: pulumi.Resource;
}

const toWaveHost = (host: Plan["hosts"][number]): WaveHost & { readonly planned: Plan["hosts"][number] } => ({
  name: host.name,
  wave: host.wave,
  converge: host.reachability === "always" ? "must" : "best-effort",
  planned: host,
});

/** The problem of a failed delivery; none for a best-effort host. */
export function deliveryProblem(result: DeliveryResult, converge: WaveHost["converge"]): string | undefined {
  if (result.outcome === "delivered" || converge === "best-effort") return undefined;
  return `${result.host}: secret ${result.secret} ${result.outcome}: ${oneLine(result.reason)}`;
}

function stepSeconds(seconds: RunnerSeconds): NonNullable<NixosHostArgs["seconds"]> {
  const { connect, probe, build, sign, push, substitute, copy } = seconds;
  return changedLimits({ connect, probe, build, sign, push, substitute, copy });
}

/** Pinned hosts of earlier waves, in the form of a reason to hold. */
const pinnedInEarlierWaves = (order: readonly WaveHost[], wave: number, pins: Settings["pins"]): string[] =>
  order
    .filter((host) => host.wave < wave && Object.hasOwn(pins, host.name))
    .map(({ name }) => `${name} (pinned)`);

/** The address for deploys: the tailnet name, or the public address with `[deploy] address = "public"`. */
function deployAddress(
  plan: Plan,
  host: string,
  machine: Machine,
  renamed?: pulumi.Output<unknown>,
): pulumi.Output<string> {
  const { tailnet } = plan.inventory;
  if (isDeployedPublicly(plan.inventory) || tailnet === undefined) return machine.address;
  // Depends on the machine, so that no host is probed before it exists.
  return pulumi.all([machine.address, renamed]).apply(() => `${host}.${tailnet.suffix}`);
}

/** Where a host is built, unless on the runner. Does not wait for the builder's deploy: any system can build. */
function buildArgs(
  plan: Plan,
  machines: Machines,
  { name: host, build: builder = "local", buildKey }: Plan["hosts"][number],
): Pick<NixosHostArgs, "build" | "signer"> {
  if (builder === "local") return {};
  const signer = isBuiltTrusted(plan.inventory, host) ? "fleet" : buildKey;
  if (signer === undefined) throw new Error(`hosts.${host}.build_key is missing`);
  if (builder === "target") return { build: builder, signer };
  const machine = machineOf(machines, builder);
  if (machine === undefined) throw new Error(`${builder}, which builds for ${host}, has no machine`);
  const { sshPort: port, hostKey } = machine;
  const address = deployAddress(plan, builder, machine);
  return { build: { host: builder, address, port, hostKey }, signer };
}

/** Warns of pins without a host: they would apply again to a new host of that name. */
function warnUnknownPins(plan: Plan, settings: Settings): void {
  const names = new Set(plan.hosts.map(({ name }) => name));
  for (const name of Object.keys(settings.pins).filter((pinned) => !names.has(pinned))) {
    pulumi.log.warn(
      `pantheros:pins.${name}: no such host in this stack; to remove the pin: tools/pantheros rollback --release ${name}`,
    );
  }
}

/** What identifies a host's machine, after its probe; undefined when a resource that it needs failed. */
const identityOf = (
  { hostname: host, seen }: NixosHost,
  machine: Machine,
): pulumi.Output<Identity | undefined> =>
  recoverWith(
    pulumi.all([machine.hostKey, seen]).apply(([hostKey, probe]): Identity => ({ host, hostKey, probe })),
    () => undefined,
  );

/** Host -> why it is not touched: its machine also belongs to another host. A preview reports it as an error. */
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
 * Why each host is not touched, if so. Adopted machines are compared with each other before any host is
 * touched. A created one may not exist before this run, and is compared with the adopted ones once it
 * answers.
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
  const adoptedIdentities = identities(adopted).map(([, identity]) => identity);
  const amongAdopted = refusalsOf(adoptedIdentities, file);
  const withCreated = new Map(
    adoptedIdentities.length === 0
      ? []
      : identities(created).map(
          ([name, identity]) => [name, refusalsOf([...adoptedIdentities, identity], file)] as const,
        ),
  );
  return (name) => (withCreated.get(name) ?? amongAdopted).apply((refused) => entryOf(refused, name));
}

/** One NixosHost per host, in wave order. Each host's secrets are delivered before its deploy. */
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
  const runProvenance = pulumi.runtime.isDryRun()
    ? undefined
    : provenance(settings.flake, { warn: (message) => void pulumi.log.warn(message) });
  const hosts = new Map<string, NixosHost>();
  const problems: { readonly host: string; readonly line: pulumi.Output<string | undefined> }[] = [];
  // Each host waits for the refusals, which need every host to be declared first.
  type Refusals = ReturnType<typeof refusals>;
  let setRefusals: (found: Refusals) => void = () => {};
  const allRefusals = new Promise<Refusals>((resolve) => {
    setRefusals = resolve;
  });

  for (const { name, wave, converge, planned } of order) {
    const pin = entryOf(settings.pins, name);
    const created = machines.created.get(name);
    const machine = machineOf(machines, name);
    if (machine === undefined) throw new Error(`no machine was made for host ${name}`);
    const deliver: NixosHostArgs["before"] = (connection) => {
      const results = secrets
        .filter((secret) => secret.host === name)
        .map(({ host, name: secret, value, read }) => {
          const resource = (owner: string) => `${owner}-secret-${secret}`;
          const args = {
            ...connection,
            host,
            secret,
            value,
            read,
            ...(planned.formerly !== undefined && { formerly: resource(planned.formerly) }),
            probed: connection.probed && comparesSecrets(settings),
            timeoutSeconds: deploy.seconds.secret,
          };
          const opts = { parent, ...formerNames(planned) };
          const { result } = new SecretDelivery(resource(name), args, opts);
          const line = recoverWith(
            result.apply((delivery) => deliveryProblem(delivery, converge)),
            (reason) => `${host}: secret ${secret} not delivered: ${reason}`,
          );
          problems.push({ host, line });
          // A failed delivery does not stop the deploy: the host may have the secret from an earlier one.
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
          // A renamed host must have its new name in the tailnet first.
          address: deployAddress(
            plan,
            name,
            machine,
            planned.formerly === undefined ? undefined : entryOf(devices, name),
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
          // A pinned host waits for no wave, and holds later waves: it has not tried the new system.
          after:
            pin === undefined
              ? (entryOf(after, name) ?? []).flatMap((earlier) => hosts.get(earlier) ?? [])
              : [],
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
          refused: pulumi.output(allRefusals.then((refusalOf) => refusalOf(name))),
          reboot: planned.reboot,
          provenance: runProvenance,
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
  setRefusals(refusals(hosts, machines, settings.fleetFile));
  explain(
    {
      hosts: [...hosts.values()],
      stack: settings.stack,
      file: settings.previewFile,
      cache: cache.url,
      seconds: deploy.seconds.compare,
    },
    { parent },
  );
  const later = laterWaves(order)
    .filter(({ name }) => !Object.hasOwn(settings.pins, name))
    .flatMap(({ name }) => hosts.get(name) ?? []);
  if (later.length > 0) new Prefetch("prefetch", { hosts: later }, { parent });
  return {
    hosts,
    problems: pulumi
      .all(problems.map(({ host, line }) => pulumi.all([line, hosts.get(host)?.result])))
      .apply((lines) => [
        ...servers.problems,
        // If the deploy did not start, the host's result gives the reason.
        ...lines.flatMap(([line, result]) =>
          line === undefined || ["resources", "identity"].includes(result?.step ?? "") ? [] : [line],
        ),
      ]),
  };
}
