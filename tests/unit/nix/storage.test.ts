import { loadInventory } from "../../../inventory/load.ts";
import { evaluate } from "./nix.ts";

const library = '(import (nix + "/lib/storage.nix"))';
const classes = `{
  root = { mount = "/"; options = []; size = "25%VG"; };
  nix = { mount = "/nix"; options = ["noatime" "nodatacow" "compress=none"]; size = "40%VG"; };
  dev = { mount = "/home/a/dev"; options = ["noatime" "compress=zstd:3"]; size = "10G"; };
}`;
const patience = "x-systemd.device-timeout=infinity";
const devices = (layout: string) =>
  evaluate(`${library}.devices { layout = "${layout}"; disk = "/dev/sda"; classes = ${classes}; }`);

test("the inventory has the documents' mount options unchanged", () => {
  const { mounts } = loadInventory("nix/fleet.toml");
  const written = Object.values(mounts).map(({ mount, options }) => `${mount} ${options.join(",")}`);
  expect(written).toEqual(
    expect.arrayContaining([
      "/nix noatime,nodatacow,compress=none",
      "/var/lib/containers noatime,nodatacow",
      "~/dev noatime,compress=zstd:3",
      "/var/log noatime,compress=zstd:6",
      "/var/cache noatime,compress=zstd:1",
    ]),
  );
});

test("the volumes of the inventory leave room on the disk", () => {
  const { mounts } = loadInventory("nix/fleet.toml");
  const percent = Object.values(mounts).map(({ size }) => Number(/^(\d+)%VG$/.exec(size ?? "")?.[1]));
  expect(percent.reduce((sum, part) => sum + part, 0)).toBeLessThanOrEqual(100);
});

test("each class is a volume with its own btrfs and its own options", () => {
  expect(devices("btrfs-classes")).toMatchObject({
    disk: {
      main: {
        device: "/dev/sda",
        content: {
          type: "gpt",
          partitions: {
            bios: { type: "EF02" },
            ESP: { content: { mountpoint: "/boot" } },
            pool: { size: "100%", content: { type: "lvm_pv", vg: "pool" } },
          },
        },
      },
    },
    lvm_vg: {
      pool: {
        lvs: {
          nix: {
            size: "40%VG",
            content: {
              type: "btrfs",
              mountpoint: "/nix",
              mountOptions: ["noatime", "nodatacow", "compress=none"],
            },
          },
          dev: { size: "10G", content: { mountpoint: "/home/a/dev" } },
          root: {
            size: "25%VG",
            content: {
              subvolumes: {
                "@": { mountpoint: "/" },
                "@home": { mountpoint: "/home" },
                "@var": { mountpoint: "/var" },
              },
            },
          },
        },
      },
    },
  });
});

test("an encrypted disk has the same volumes inside", () => {
  const plain = devices("btrfs-classes") as { lvm_vg: unknown };
  const encrypted = devices("luks-btrfs") as { lvm_vg: unknown };
  const impatient = JSON.stringify(encrypted.lvm_vg).replaceAll(`,"${patience}"`, "");
  expect(JSON.parse(impatient)).toEqual(plain.lvm_vg);
  expect(encrypted).toMatchObject({
    disk: {
      main: { content: { partitions: { pool: { content: { type: "luks", content: { type: "lvm_pv" } } } } } },
    },
  });
});

test("file systems of the first boot stage on an encrypted disk wait for the passphrase without a limit", () => {
  const mounted = (layout: string): string[] => {
    const found: string[] = [];
    JSON.stringify(devices(layout), (_, value) => {
      if (value?.mountOptions?.includes(patience)) found.push(value.mountpoint);
      return value;
    });
    return found.sort();
  };
  expect(mounted("luks-btrfs")).toEqual(["/", "/nix", "/var"]);
  expect(mounted("btrfs-classes")).toEqual([]);
});

test("ZFS has a dataset for each class, with equivalent properties", () => {
  expect(devices("zfs")).toMatchObject({
    zpool: {
      pool: {
        datasets: {
          root: { mountpoint: "/", options: { mountpoint: "legacy", atime: "off", compression: "zstd-1" } },
          nix: { mountpoint: "/nix", options: { atime: "off", compression: "off" } },
          dev: { mountpoint: "/home/a/dev", options: { atime: "off", compression: "zstd-3" } },
        },
      },
    },
  });
});

test("the options to verify follow from the class's options", () => {
  expect(
    evaluate(`builtins.map ${library}.expected (builtins.attrValues (removeAttrs ${classes} ["root"]))`),
  ).toEqual([
    { mount: "/home/a/dev", present: ["noatime", "compress=zstd:3"], absent: ["nodatacow"] },
    { mount: "/nix", present: ["noatime", "nodatacow"], absent: ["compress"] },
  ]);
});
