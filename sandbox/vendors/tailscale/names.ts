import { groupRecords, type RecordSet } from "../dns/rrsets.ts";
import type { DeviceRow } from "./state.ts";

/** A host name as a DNS label. */
export const sanitize = (hostname: string): string =>
  hostname
    .split(".")[0]
    ?.toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, "-")
    .replaceAll(/^-+|-+$/g, "") || "device";

/** `web`, or `web-1`, `web-2` and so on when the name is taken. */
export function freeLabel(hostname: string, taken: ReadonlySet<string>): string {
  const wanted = sanitize(hostname);
  for (let number = 0; ; number++) {
    const label = number === 0 ? wanted : `${wanted}-${number}`;
    if (!taken.has(label)) return label;
  }
}

/** The n-th device's addresses, from 100.64.0.0/10 and the vendor's IPv6 prefix. */
export function deviceAddresses(number: number): string[] {
  const low = number + 1;
  const v4 = `100.${64 + ((low >> 16) & 0x3f)}.${(low >> 8) & 0xff}.${low & 0xff}`;
  return [v4, `fd7a:115c:a1e0::${low.toString(16)}`];
}

/** MagicDNS records of devices. */
export const deviceRecords = (devices: DeviceRow[], tailnet: string): RecordSet[] =>
  groupRecords(
    devices.flatMap((device) =>
      device.addresses.map((address) => ({
        name: `${device.label}.${tailnet}.`,
        type: address.includes(":") ? "AAAA" : "A",
        ttl: 60,
        content: address,
      })),
    ),
  );
