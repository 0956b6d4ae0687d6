/** Disks that an installation formats: the right one has to be the same at each start. */
import type { Problem } from "./problems.ts";
import type { Inventory } from "./schema.ts";

/**
 * A laptop's disks change places: the kernel numbers them as it finds them, and a second one, or a stick, may come first. Names of
 * /dev/disk are udev's, made from what is written on the disk (systemd, 60-persistent-storage.rules).
 */
export function diskProblems(inventory: Inventory): Problem[] {
  return Object.entries(inventory.hosts).flatMap(([name, { profiles, storage }]) => {
    const { disk } = storage;
    if (disk === undefined || !profiles.includes("workstation") || disk.startsWith("/dev/disk/by-"))
      return [];
    return [
      {
        key: `hosts.${name}.storage.disk`,
        message: `${disk} may be another disk at the next start, and the installation formats it: take its name from \`ls -l /dev/disk/by-id\` on that machine`,
      },
    ];
  });
}
