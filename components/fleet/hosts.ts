import * as pulumi from "@pulumi/pulumi";
import type { HostEvaluation } from "../../deployer/evaluation/target.ts";
import { readKnownHosts } from "../../inventory/known-hosts.ts";
import type { Plan } from "../../inventory/plan.ts";
import { entryOf } from "../../lib/entry-of.ts";
import type { Settings } from "../../settings/settings.ts";
import { formerNames } from "../former-names.ts";
import { NixosHost } from "../nixos-host/nixos-host.ts";
import { laterWaves, Prefetch } from "../nixos-host/prefetch.ts";
import { explain } from "../nixos-host/preview/explain.ts";
import { previousResultsReader, underFormerName } from "../nixos-host/previous.ts";
import { hostsToAwait, inWaveOrder, type WaveHost } from "../nixos-host/waves.ts";
import { provenance } from "../provenance.ts";
import { comparesSecrets } from "../secrets/access.ts";
import type { HostSecret } from "../secrets/secrets.ts";
import { type Delivery, deliver, problemLines } from "./deliveries.ts";
import {
  buildArgs,
  commonArgs,
  connectionArgs,
  installationArgs,
  jumpArgs,
  jumpsFirst,
  orderArgs,
  type StackHost,
} from "./host-args.ts";
import { type KeptHosts, keptArgs, secretsToDeliver } from "./kept.ts";
import { type Machines, machineOf } from "./machines.ts";
import type { RunRevision } from "./promotion.ts";
import { refusals } from "./refusals.ts";
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
  /** Host -> its evaluation; pinned hosts have none. */
  readonly evaluation: ReadonlyMap<string, pulumi.Input<HostEvaluation>>;
  readonly machines: Machines;
  readonly servers: Servers;
  /** Delivered to each host before its deploy. */
  readonly secrets: readonly HostSecret[];
  /** Hosts that this run is not for. */
  readonly kept: KeptHosts;
  /** What the run deploys from. */
  readonly revision: RunRevision;
  /** Host -> resolves when its device has its name in the tailnet. */
  readonly devices: Readonly<Record<string, pulumi.Output<unknown>>>;
  /** Host -> its name in the tailnet at the start of the run, where it is known. */
  readonly tailnetNames: pulumi.Input<Readonly<Record<string, string>>>;
  readonly parent: pulumi.Resource;
}

const toWaveHost = (planned: StackHost): WaveHost & { readonly planned: StackHost } => ({
  name: planned.name,
  wave: planned.wave,
  converge: planned.reachability === "always" ? "must" : "best-effort",
  planned,
});

/** Warns of pins without a host: they would apply again to a new host of that name. */
function warnUnknownPins(plan: Plan, settings: Settings): void {
  const names = new Set(plan.hosts.map(({ name }) => name));
  for (const name of Object.keys(settings.pins).filter((pinned) => !names.has(pinned))) {
    pulumi.log.warn(
      `pantheros:pins.${name}: no such host in this stack; to remove the pin: tools/pantheros rollback --release ${name}`,
    );
  }
}

/** Problems of deliveries, without hosts whose deploy did not start: their results give the reason. */
function undelivered(
  deliveries: ReadonlyMap<string, readonly Delivery[]>,
  hosts: ReadonlyMap<string, NixosHost>,
): pulumi.Output<string[]> {
  const lines = [...deliveries].flatMap(([host, made]) =>
    made.map(({ problem }) =>
      pulumi.all([problem, hosts.get(host)?.result]).apply(([line, result]) => {
        const notStarted = ["evaluate", "resources", "identity"].includes(result?.step ?? "");
        return line === undefined || notStarted ? [] : [{ host, problem: line }];
      }),
    ),
  );
  return pulumi.all(lines).apply((found) => problemLines(found.flat()));
}

/** One NixosHost per host, in wave order. Each host's secrets are delivered before its deploy. */
export function deployHosts({
  plan,
  settings,
  evaluation,
  machines,
  servers,
  secrets,
  kept,
  revision,
  devices,
  tailnetNames,
  parent,
}: DeployHostsArgs): DeployedHosts {
  warnUnknownPins(plan, settings);
  const order = jumpsFirst(inWaveOrder(plan.hosts.map(toWaveHost)), plan);
  const waves = { order, awaited: hostsToAwait(order) };
  const context = { plan, settings, tailnetNames, machines, pins: readKnownHosts(settings.knownHostsFile) };
  const previous = previousResultsReader();
  const common = {
    ...commonArgs(plan, settings),
    // A preview deploys nothing.
    provenance: pulumi.runtime.isDryRun()
      ? undefined
      : provenance(revision, { approvedBy: revision.approval?.by }),
  };
  const hosts = new Map<string, NixosHost>();
  const deliveries = new Map<string, readonly Delivery[]>();
  // Each host waits for the refusals, which need every host to be declared first.
  type Refusals = ReturnType<typeof refusals>;
  let setRefusals: (found: Refusals) => void = () => {};
  const allRefusals = new Promise<Refusals>((resolve) => {
    setRefusals = resolve;
  });

  for (const host of order) {
    const { name, converge, planned } = host;
    const machine = machineOf(machines, name);
    if (machine === undefined) throw new Error(`no machine was made for host ${name}`);
    const unselected = kept.get(name);
    const opts = { parent, ...formerNames(planned) };
    const made = new NixosHost(
      name,
      {
        ...common,
        evaluation: evaluation.get(name),
        ...connectionArgs(context, planned, machine, entryOf(devices, name)),
        ...installationArgs({
          plan,
          settings,
          host: planned,
          created: machines.created.get(name),
          providers: servers.providers,
          secrets,
        }),
        ...jumpArgs(context, planned, hosts),
        ...buildArgs(context, planned),
        ...orderArgs(host, waves, settings.pins, hosts),
        ...(unselected !== undefined && keptArgs(unselected)),
        converge,
        power: servers.power.get(name),
        reboot: planned.reboot,
        previous: underFormerName(previous, name, planned.formerly),
        refused: pulumi.output(allRefusals.then((refusalOf) => refusalOf(name))),
        before(connection) {
          const to = {
            connection,
            converge,
            formerly: planned.formerly,
            compared: comparesSecrets(settings),
            timeoutSeconds: plan.inventory.deploy.seconds.secret,
          };
          const own = secretsToDeliver(secrets, name, unselected);
          const sent = own.map((secret) => deliver(secret, to, opts));
          deliveries.set(name, sent);
          return pulumi.all(sent.map(({ result }) => result));
        },
      },
      opts,
    );
    hosts.set(name, made);
  }
  setRefusals(refusals(hosts, machines, settings.fleetFile));
  explain(
    {
      hosts: [...hosts.values()],
      waves: new Map(order.map(({ name, wave }) => [name, wave])),
      unselected: new Set(kept.keys()),
      stack: settings.stack,
      file: settings.previewFile,
      cache: plan.inventory.cache.url,
      seconds: plan.inventory.deploy.seconds.compare,
    },
    { parent },
  );
  const later = laterWaves(order)
    .filter(({ name }) => !Object.hasOwn(settings.pins, name))
    .flatMap(({ name }) => hosts.get(name) ?? []);
  if (later.length > 0) new Prefetch("prefetch", { hosts: later }, { parent });
  return {
    hosts,
    problems: undelivered(deliveries, hosts).apply((lines) => [...servers.problems, ...lines]),
  };
}
