/** Powers on servers that are off, if their hosts are in service. */

import type { HetznerApi, Server } from "../../clients/hetzner/api.ts";
import type { HostPower } from "../../components/nixos-host/power.ts";
import { messageOf } from "../../lib/message-of.ts";
import type { HetznerHost } from "./host.ts";

export interface PowerArgs {
  readonly host: HetznerHost;
  readonly server: Server;
  /** This run changes the server's type, which starts it afterwards. */
  readonly resized: boolean;
  /** Changes nothing. */
  readonly preview: boolean;
  readonly api: Pick<HetznerApi, "powerOn">;
  /** Logs what was done. */
  readonly report: (message: string) => void;
}

/** Statuses of a server that comes up by itself. Source: Hetzner Cloud API, `status` of a server. */
const STARTING = new Set(["starting", "migrating"]);

const OFF = "the server is off at Hetzner Cloud";
const KEEP_OFF = 'to keep it off: decommission = "keep", or reachability = "best-effort"';

/** Starts a server that should be on. Undefined: it is on already. */
export async function powerOf(args: PowerArgs): Promise<HostPower | undefined> {
  const { host, server, resized, preview, api, report } = args;
  const { status } = server;
  if (resized && !preview) return { is: "starting" };
  if (STARTING.has(status)) return preview ? undefined : { is: "starting" };
  if (status !== "off" && status !== "stopping") return undefined;
  if (resized) return { is: "off", reason: OFF, hint: "`up` changes its type, which starts it" };
  if (host.reachability === "best-effort") {
    return {
      is: "off",
      reason: OFF,
      hint: `a best-effort host is not powered on; to do it: hcloud server poweron ${server.name}`,
    };
  }
  if (preview) return { is: "off", reason: OFF, hint: `\`up\` powers it on; ${KEEP_OFF}` };
  try {
    await api.powerOn(server.id);
    report(`${host.name}: the server was off at Hetzner Cloud and was powered on; ${KEEP_OFF}`);
    return { is: "starting" };
  } catch (error) {
    return {
      is: "off",
      reason: `${OFF}, and could not be powered on: ${messageOf(error)}`,
      hint: `give HCLOUD_TOKEN Read & Write access, or run: hcloud server poweron ${server.name}`,
    };
  }
}

/**
 * Powers a server on again after a failed change: the provider stops it for the change and leaves it
 * off. Never throws, so that the run ends with the failure itself.
 */
export async function restorePower(
  { id, name, status: before }: Pick<Server, "id" | "name" | "status">,
  api: Pick<HetznerApi, "powerOn" | "serverStatus">,
  report: (message: string) => void,
): Promise<void> {
  if (before === "off") return;
  try {
    const now = await api.serverStatus(id);
    if (now === "running" || now === undefined) return;
    await api.powerOn(id);
    report(`${name}: the change failed and left the server ${now}; it was powered on again, unchanged`);
  } catch (error) {
    report(
      `${name}: the change failed, and the server could not be powered on again (${messageOf(error)}): ` +
        `the next \`up\` tries again, or run: hcloud server poweron ${name}`,
    );
  }
}
