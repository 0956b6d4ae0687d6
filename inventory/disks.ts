/** Disks that an installation formats: their names must be stable across boots. */
import type { Problem } from "./problems.ts";
import type { Inventory } from "./schema.ts";

/**
 * The kernel numbers disks as it finds them, so on a laptop a second disk or a USB stick may come first. udev makes the
 * names in /dev/disk from the disk itself (systemd, 60-persistent-storage.rules).
 */
export function diskProblems(inventory: Inventory): Problem[] {
  return Object.entries(inventory.hosts).flatMap(([name, { profiles, storage }]) => {
    const { disk } = storage;
    if (disk === undefined || !profiles.includes("workstation") || disk.startsWith("/dev/disk/by-"))
      return [];
    return [
      {
        key: `hosts.${name}.storage.disk`,
        message: `${disk} may be another disk after a reboot, and the installation would format that one: use the disk's name in /dev/disk/by-id on that machine`,
      },
    ];
  });
}
