/**
 * Reads and corrects the tailnet names of the stack's hosts. Outputs and deploys use the vendor's
 * names.
 */
import * as pulumi from "@pulumi/pulumi";
import { TailscaleApi, tailscaleCredentials } from "../../clients/tailscale/api.ts";
import { type Device, listDevices } from "../../clients/tailscale/devices.ts";
import {
  claimName,
  type JoinedHost,
  type NameFinding,
  nameFinding,
} from "../../deployer/tailnet-device/names.ts";
import type { Plan } from "../../inventory/plan.ts";
import { messageOf } from "../../lib/message-of.ts";
import { oneLine } from "../../lib/sanitize.ts";
import { ifKnown } from "../known.ts";
import { apiBase } from "./device.ts";
import { hostTag } from "./policy.ts";

/** Few, because a run also works without the answer and should not wait minutes for it. */
const MAX_ATTEMPTS = 2;

/** Host -> its MagicDNS name. Hosts that have not joined, or whose names are unknown, are absent. */
export type TailnetNames = Readonly<Record<string, string>>;

/** Names, and problems of the stack that only the user can solve, each naming its host. */
export interface CheckedNames {
  readonly names: TailnetNames;
  readonly problems: readonly string[];
}

/** Sanitizes the text, because it contains names that the owners of other devices choose. */
const line = (host: string, text = ""): string => `${host}: ${oneLine(text, 1000)}`;

const NONE: CheckedNames = { names: {}, problems: [] };

/** A host and the node id that its machine reports. */
export interface ReportedHost {
  readonly host: string;
  readonly nodeId: pulumi.Output<string | undefined>;
}

/**
 * The tailnet's devices. Reading them needs the scope `devices:core:read`, changing them
 * `devices:core`.
 */
export class TailnetDevices {
  readonly #api: TailscaleApi;
  readonly #plan: Plan;
  /** Devices at the start of the run; undefined: the vendor did not answer. */
  readonly #first: Promise<readonly Device[] | undefined>;

  constructor(api: TailscaleApi, plan: Plan) {
    this.#api = api;
    this.#plan = plan;
    this.#first = this.#read();
  }

  /** The names at the start of the run. */
  async names(): Promise<TailnetNames> {
    const devices = await this.#first;
    return devices === undefined ? {} : namesOf(this.#findings(devices, {}));
  }

  /**
   * Warns in a preview of each host whose device does not have its name. A new machine reports no
   * node id.
   */
  preview(hosts: readonly ReportedHost[]): void {
    for (const { host, nodeId } of hosts) {
      void Promise.all([this.#first, ifKnown(nodeId)]).then(([devices, id]) => {
        if (devices === undefined) return;
        const text = this.#findings(devices, { [host]: id }).get(host)?.text;
        if (text !== undefined) pulumi.log.warn(line(host, text));
      });
    }
  }

  /**
   * At the end of a run, removes devices of earlier machines of these hosts and gives each host its
   * name.
   */
  async claim(nodeIds: Readonly<Record<string, string | undefined>>): Promise<CheckedNames> {
    // Hosts that joined in this run are not in the first answer.
    const devices = await this.#read();
    if (devices === undefined) return { names: await this.names(), problems: [] };
    const findings = this.#findings(devices, nodeIds);
    const names = new Map(Object.entries(namesOf(findings)));
    const checked = [...findings].filter(([host]) => Object.hasOwn(nodeIds, host));
    for (const [host, finding] of checked) {
      const name = await this.#settle(host, finding);
      if (name !== undefined) names.set(host, name);
    }
    return {
      names: Object.fromEntries(names),
      problems: checked.flatMap(([host, { text, problem }]) => (problem ? [line(host, text)] : [])),
    };
  }

  async #settle(host: string, finding: NameFinding): Promise<string | undefined> {
    const { text, problem, remove, rename, name } = finding;
    if (text === undefined || problem) return name;
    const changes = remove.length > 0 || rename !== undefined;
    try {
      const settled = changes ? await claimName(this.#api, host, finding) : name;
      if (changes) pulumi.log.info(line(host, `${text}: done`));
      else pulumi.log.warn(line(host, text));
      return settled;
    } catch (error) {
      pulumi.log.warn(line(host, `${text}: ${messageOf(error)}`));
      return name;
    }
  }

  #findings(
    devices: readonly Device[],
    nodeIds: Readonly<Record<string, string | undefined>>,
  ): ReadonlyMap<string, NameFinding> {
    // The device of a renamed host may still have its former name and tag; device.ts changes them.
    const hosts = this.#plan.hosts.filter(({ formerly }) => formerly === undefined);
    return new Map(
      hosts.map(({ name: host }) => {
        const joined: JoinedHost = {
          host,
          tag: hostTag(host),
          nodeId: Object.hasOwn(nodeIds, host) ? nodeIds[host] : undefined,
        };
        return [host, nameFinding(devices, joined, Date.now())];
      }),
    );
  }

  async #read(): Promise<readonly Device[] | undefined> {
    try {
      return await listDevices(
        this.#api,
        new pulumi.Config("tailscale").get("tailnet") || process.env["TAILSCALE_TAILNET"],
      );
    } catch (error) {
      const reason = messageOf(error).slice(0, 300);
      pulumi.log.warn(`Tailscale does not answer, so the names of devices are not checked: ${reason}`);
      return undefined;
    }
  }
}

const namesOf = (findings: ReadonlyMap<string, NameFinding>): TailnetNames =>
  Object.fromEntries([...findings].flatMap(([host, { name }]) => (name === undefined ? [] : [[host, name]])));

/**
 * Undefined: the stack is in no tailnet, or has no credentials (the provider reports that where it
 * needs them).
 */
export function tailnetDevices(plan: Plan): TailnetDevices | undefined {
  if (plan.inventory.tailnet === undefined) return undefined;
  try {
    const credentials = tailscaleCredentials(process.env);
    const api = new TailscaleApi({
      endpoint: apiBase(),
      credentials,
      scope: "devices:core",
      maxAttempts: MAX_ATTEMPTS,
    });
    return new TailnetDevices(api, plan);
  } catch {
    return undefined;
  }
}

/** Names and problems of a run: those at its start in a preview, otherwise those after its changes. */
export function checkedNames(
  devices: TailnetDevices | undefined,
  hosts: readonly (ReportedHost & { readonly ended: pulumi.Output<unknown> })[],
): pulumi.Output<CheckedNames> {
  if (devices === undefined) return pulumi.output<CheckedNames>(NONE);
  if (pulumi.runtime.isDryRun()) {
    devices.preview(hosts);
    return pulumi.output(devices.names().then((names): CheckedNames => ({ names, problems: [] })));
  }
  return pulumi
    .all(
      hosts.map(({ host, nodeId, ended }) =>
        pulumi.all([nodeId, ended]).apply(([id]) => [host, id] as const),
      ),
    )
    .apply((ids) => devices.claim(Object.fromEntries(ids)));
}
