/**
 * Port 22 of one server, open only while it is installed: a firewall of its own beside the one that Pulumi keeps, which is
 * never edited. The vendor lets in what any firewall of a server admits.
 */
import { shortName } from "../../lib/short-name.ts";
import { type HetznerApi, HetznerError } from "./api.ts";

export interface Door {
  readonly stack: string;
  readonly host: string;
  /** The vendor's id of the server. */
  readonly server: number;
  /** Networks that are let in. */
  readonly sources: readonly string[];
}

const purpose = "install-door";

/** What every door of a host carries, also one that a killed run left. */
export const doorLabels = ({ stack, host }: Pick<Door, "stack" | "host">): Record<string, string> => ({
  "managed-by": "pantheros",
  purpose,
  stack,
  host,
});

export const doorSelector = (door: Pick<Door, "stack" | "host">): string =>
  Object.entries(doorLabels(door))
    .map(([key, value]) => `${key}=${value}`)
    .join(",");

/** The body of the one call that makes it and puts it in front of the server. */
export const doorFirewall = (door: Door): object => ({
  // Unique in the vendor's project: there is at most one for a host.
  name: shortName(`${door.stack}-${door.host}-${purpose}`, 128),
  labels: doorLabels(door),
  rules: [
    {
      direction: "in",
      protocol: "tcp",
      port: "22",
      source_ips: [...new Set(door.sources)].sort(),
      description: "SSH while it is installed",
    },
  ],
  apply_to: [{ type: "server", server: { id: door.server } }],
});

/** Closes what is open for the host, by label: this run's, and what a killed one left. */
export async function closeDoor(api: HetznerApi, door: Pick<Door, "stack" | "host">): Promise<number> {
  const open = await api.firewalls(doorSelector(door));
  for (const firewall of open) await api.removeFirewall(firewall);
  return open.length;
}

export async function openDoor(api: HetznerApi, door: Door): Promise<void> {
  await closeDoor(api, door);
  try {
    await api.createFirewall(doorFirewall(door));
  } catch (error) {
    // The answer of a first try was lost, and the second finds its firewall.
    if (!(error instanceof HetznerError && error.code === "uniqueness_error")) throw error;
    await closeDoor(api, door);
    await api.createFirewall(doorFirewall(door));
  }
}
