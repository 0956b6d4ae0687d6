/** Power of the servers: one that is off is powered on again, if its host is in service. */

import type { HetznerApi, Server } from "../../clients/hetzner/api.ts";
import type { HetznerHost } from "../../inventory/plan.ts";
import type { HostPower } from "../nixos-host/power.ts";

export interface PowerArgs {
  readonly host: HetznerHost;
  readonly server: Server;
  /** This run changes its type, which ends with a start. */
  readonly resized: boolean;
  /** Nothing is changed. */
  readonly preview: boolean;
  readonly api: Pick<HetznerApi, "powerOn">;
  /** Something was done. */
  readonly report: (message: string) => void;
}

/** Statuses of a server that was on and comes back by itself. Source: Hetzner Cloud API, `status` of a server. */
const STARTING = new Set(["starting", "migrating"]);

const OFF = "the server is off at Hetzner Cloud";
const KEEP_OFF = 'to keep it off: decommission = "keep", or reachability = "best-effort"';

/** Looks at one server, and starts it where it is off and should not be. Undefined: it is on. */
export async function powerOf(args: PowerArgs): Promise<HostPower | undefined> {
  const { host, server, resized, preview, api, report: tell } = args;
  const { status } = server;
  if (resized && !preview) return { is: "starting" };
  if (STARTING.has(status)) return preview ? undefined : { is: "starting" };
  if (status !== "off" && status !== "stopping") return undefined;
  if (resized) return { is: "off", reason: OFF, hint: "`up` changes its type, which starts it" };
  if (host.reachability === "best-effort") {
    return {
      is: "off",
      reason: OFF,
      hint: `a best-effort host stays as it is: hcloud server poweron ${server.name}`,
    };
  }
  if (preview) return { is: "off", reason: OFF, hint: `\`up\` powers it on; ${KEEP_OFF}` };
  try {
    await api.powerOn(server.id);
    tell(`${host.name}: the server was off at Hetzner Cloud and was powered on; ${KEEP_OFF}`);
    return { is: "starting" };
  } catch (error) {
    return {
      is: "off",
      reason: `${OFF}, and could not be powered on: ${error instanceof Error ? error.message : String(error)}`,
      hint: `give HCLOUD_TOKEN Read & Write, or by hand: hcloud server poweron ${server.name}`,
    };
  }
}

/**
 * After a failed change of a server: the provider has stopped it for the change and leaves it off. It is put back as it was before.
 * Never throws: the failure itself is what the run ends with.
 */
export async function restorePower(
  { id, name, status: before }: Pick<Server, "id" | "name" | "status">,
  api: Pick<HetznerApi, "powerOn" | "serverStatus">,
  tell: (message: string) => void,
): Promise<void> {
  if (before === "off") return;
  try {
    const now = await api.serverStatus(id);
    if (now === "running" || now === undefined) return;
    await api.powerOn(id);
    tell(
      `${name}: the change failed with the server ${now}; it was powered on again and is what it was before`,
    );
  } catch (error) {
    tell(
      `${name}: the change failed, and the server could not be powered on again (${error instanceof Error ? error.message : String(error)}): ` +
        `the next \`up\` tries it, or by hand: hcloud server poweron ${name}`,
    );
  }
}
