import * as pulumi from "@pulumi/pulumi";
import type { HostEvaluation } from "../../deployer/evaluation/target.ts";
import type { Plan } from "../../inventory/plan.ts";
import type { StackOutputs } from "../../outputs/contract.ts";
import { planMessage } from "../../runs/plan-message.ts";
import type { Settings } from "../../settings/settings.ts";
import { type BucketLocation, Buckets } from "../buckets/buckets.ts";
import { bucketsArgs } from "../buckets/mapping.ts";
import { ZONE_NAME } from "../dns/found.ts";
import { dnsRecordsFor } from "../dns/mapping.ts";
import { type ExistingRecords, type PublishedRecord, Zone } from "../dns/zone.ts";
import { Verdict } from "../nixos-host/verdict.ts";
import type { ProviderContext } from "../provider.ts";
import { comparesSecrets, NOT_COMPARED } from "../secrets/access.ts";
import { secretsArgs } from "../secrets/mapping.ts";
import { type HostSecret, Secrets } from "../secrets/secrets.ts";
import { tailnetArgs } from "../tailnet/mapping.ts";
import { checkedNames, tailnetDevices } from "../tailnet/names.ts";
import { Tailnet } from "../tailnet/tailnet.ts";
import { addContractChanges } from "./contract-preview.ts";
import { publishedCost } from "./costs.ts";
import { deployHosts } from "./hosts.ts";
import { TAILNET_KEY_NAME } from "./installs.ts";
import type { KeptHosts } from "./kept.ts";
import { createdHosts } from "./kinds.ts";
import { type Machines, machinesOf } from "./machines.ts";
import { publishedOutputs } from "./outputs.ts";
import { type RunRevision, UNKNOWN_REVISION } from "./promotion.ts";
import { type Providers, serverProvider } from "./providers.ts";
import type { Servers } from "./servers.ts";

export interface FleetArgs {
  readonly plan: Plan;
  readonly settings: Settings;
  /** Evaluation of the stack's hosts: evaluation.ts. */
  readonly evaluation: ReadonlyMap<string, pulumi.Input<HostEvaluation>>;
  /** DNS records that exist before the run: existing-records.ts. */
  readonly existingRecords?: ExistingRecords | undefined;
  /** The machines, prepared by their providers: servers.ts. */
  readonly servers: Servers;
  /** Hosts that this run is not for: kept.ts. */
  readonly kept?: KeptHosts;
  /** What the run deploys from: promotion.ts. */
  readonly revision?: RunRevision;
}

/**
 * Everything that one stack owns: machines, DNS records, buckets, its part of the tailnet, secrets,
 * and the systems of its hosts. Vendors that the inventory does not name are not used.
 */
export class Fleet extends pulumi.ComponentResource {
  /** The contract with other teams: outputs/contract.ts. */
  readonly outputs: pulumi.Output<StackOutputs>;
  /** The part of the outputs that may be unknown. It waits for no resource. */
  readonly cost: Promise<StackOutputs["cost"]>;

  constructor(name: string, args: FleetArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pantheros:fleet:Fleet", name, {}, opts);
    const { plan, settings, evaluation, existingRecords, servers } = args;
    const { kept = new Map(), revision = UNKNOWN_REVISION } = args;
    const named = plan.hosts.map(({ name: host, wave, reachability }) => ({
      name: host,
      wave,
      required: reachability === "always",
      ...(kept.has(host) && { selected: false }),
    }));
    void pulumi.log.debug(planMessage(named));
    const machines = machinesOf({ plan, settings }, servers, this);
    const tailnet = this.#tailnet(plan, settings, machines);
    const secrets = this.#secrets(plan, settings, tailnet?.keys ?? {});
    const records = this.#records({ plan, settings }, servers.providers, machines, existingRecords);
    const buckets = this.#buckets(plan, settings);
    const devices = tailnetDevices(plan);
    const { hosts, problems } = deployHosts({
      plan,
      settings,
      evaluation,
      machines,
      servers,
      secrets,
      kept,
      revision,
      parent: this,
      devices: tailnet?.devices ?? {},
      tailnetNames: devices?.names() ?? {},
    });
    const checked = checkedNames(
      devices,
      // The devices of the hosts that this run is not for stay as they are.
      [...hosts]
        .filter(([host]) => !kept.has(host))
        .map(([host, { status, result }]) => ({
          host,
          nodeId: status.apply((found) => found?.tailnetNode ?? undefined),
          ended: result,
        })),
    );
    const tailnetNames = checked.names;
    const all = pulumi.all([problems, checked.problems]).apply((lines) => lines.flat());
    const published = publishedOutputs({
      ...{ plan, machines, hosts, records, buckets, kept, tailnetNames, revision },
      problems: all,
    });
    this.cost = publishedCost(plan);
    this.outputs = pulumi
      .all([published, this.cost])
      .apply(([outputs, cost]) => (cost === undefined ? outputs : { ...outputs, cost }));
    void addContractChanges(plan);
    this.registerOutputs({ outputs: this.outputs });
    const verdicts = [...hosts.values()].map(({ hostname, result, converge }) => ({
      result,
      converge,
      selected: !kept.has(hostname),
    }));
    new Verdict("verdict", { hosts: verdicts, problems: all }, { parent: this });
  }

  #tailnet(plan: Plan, settings: Settings, { created }: Machines): Tailnet | undefined {
    const args = tailnetArgs(plan, settings.stack);
    const machines = new Map([...created].map(([host, { server }]) => [host, server]));
    return args && new Tailnet("tailnet", { ...args, machines }, { parent: this });
  }

  /** A stack without secrets to read or write needs no access to 1Password. */
  #secrets(
    plan: Plan,
    settings: Settings,
    tailnetKeys: Readonly<Record<string, pulumi.Output<string>>>,
  ): readonly HostSecret[] {
    const args = secretsArgs(plan, settings.stack, tailnetKeys);
    const joining = Object.entries(tailnetKeys).map(([host, value]) => ({
      host,
      name: TAILNET_KEY_NAME,
      value,
      read: true,
    }));
    if (args.requests.length === 0 && (args.stored ?? []).length === 0) return joining;
    const read = comparesSecrets(settings);
    if (!read) void pulumi.log.info(NOT_COMPARED);
    const secrets = new Secrets("secrets", { ...args, read }, { parent: this });
    const requested = plan.secrets.map(({ host, name }) => ({
      host,
      name,
      value: secrets.secretFor(host, name),
      read,
    }));
    return [...joining, ...requested];
  }

  #records(
    { plan, settings }: ProviderContext,
    providers: Providers,
    machines: Machines,
    existing: ExistingRecords | undefined,
  ): readonly PublishedRecord[] {
    if (plan.inventory.dns === undefined) return [];
    const addresses = Object.fromEntries([
      ...createdHosts(plan).flatMap((host) => {
        const machine = machines.created.get(host.name);
        if (machine === undefined) return [];
        const { families } = serverProvider(providers, host);
        const addresses = families.map((family) => [family, machine[family]]);
        return [[host.name, { ...Object.fromEntries(addresses), hostKey: machine.hostKey }] as const];
      }),
      ...[...machines.adopted].map(([host, { known, hostKey }]) => [host, { ...known, hostKey }]),
    ]);
    const { records } = new Zone(
      ZONE_NAME,
      {
        zone: plan.inventory.dns.zone,
        zoneId: settings.cloudflareZoneId,
        records: dnsRecordsFor(plan, addresses),
        existing,
      },
      { parent: this },
    );
    return records;
  }

  #buckets(plan: Plan, settings: Settings): Readonly<Record<string, BucketLocation>> {
    const args = bucketsArgs(plan, settings.s3Endpoint);
    return args ? new Buckets("buckets", args, { parent: this }).buckets : {};
  }
}
