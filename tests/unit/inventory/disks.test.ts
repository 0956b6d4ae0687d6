import { parseInventory } from "../../../inventory/load.ts";

const laptop = (disk: string, profile = "workstation"): string => `
schema = 1
[fleet]
domain = "example.test"
[environments.homelab]
[hosts.yoga]
environment = "homelab"
profiles = ["${profile}"]
provider = { kind = "existing", vendor = "lenovo" }
storage = { layout = "luks-btrfs", disk = "${disk}" }
`;

test("a laptop's disk has a stable name", () => {
  expect(() => parseInventory(laptop("/dev/disk/by-id/nvme-x_1"), "fleet.toml")).not.toThrow();
  expect(() => parseInventory(laptop("/dev/nvme0n1"), "fleet.toml")).toThrow(
    /^fleet\.toml: hosts\.yoga\.storage\.disk: \/dev\/nvme0n1 may be another disk .* \/dev\/disk\/by-id on that machine/,
  );
  // A rented machine has the one that its vendor gives it.
  expect(() => parseInventory(laptop("/dev/sda", "server"), "fleet.toml")).not.toThrow();
});
