/**
 * Devices of a tailnet. Source: Tailscale API, `GET /tailnet/{tailnet}/devices` and
 * `/device/{deviceId}`.
 */
import * as z from "zod";
import type { TailscaleApi } from "./api.ts";

const device = z.object({
  /** Preferred id; `id` is its predecessor. */
  nodeId: z.string().optional(),
  id: z.string().optional(),
  /** Full MagicDNS name. */
  name: z.string(),
  /** Host name that the machine reports. */
  hostname: z.string(),
  tags: z.array(z.string()).optional(),
  /** Login name of the owner; `tagged-devices` for a device with tags. */
  user: z.string().optional(),
  created: z.string().optional(),
  lastSeen: z.string().optional(),
  connectedToControl: z.boolean().optional(),
  /** When its key expires, unless keyExpiryDisabled. */
  expires: z.string().optional(),
  keyExpiryDisabled: z.boolean().optional(),
  /** True: the vendor removes the device after it has been offline for some time. */
  isEphemeral: z.boolean().optional(),
});
export type Device = z.infer<typeof device>;

/** The id for changes. Undefined when the answer has none; then the device cannot be changed. */
export const idOf = ({ nodeId, id }: Device): string | undefined => nodeId ?? id;

/** @param tailnet name of the organisation; `-` or empty: that of the token. */
export async function listDevices(api: TailscaleApi, tailnet: string | undefined): Promise<Device[]> {
  const answer = await api.request("GET", `/tailnet/${encodeURIComponent(tailnet || "-")}/devices`);
  return z.object({ devices: z.array(device).default([]) }).parse(answer).devices;
}

const pathOf = (id: string): string => `/device/${encodeURIComponent(id)}`;

export async function removeDevice(api: TailscaleApi, id: string): Promise<void> {
  await api.request("DELETE", pathOf(id));
}

/** @param name the first label of its MagicDNS name. */
export async function renameDevice(api: TailscaleApi, id: string, name: string): Promise<void> {
  await api.request("POST", `${pathOf(id)}/name`, { name });
}

/** Sets all tags of a device. The tags must exist in the tailnet's policy. */
export async function tagDevice(api: TailscaleApi, id: string, tags: readonly string[]): Promise<void> {
  await api.request("POST", `${pathOf(id)}/tags`, { tags });
}
