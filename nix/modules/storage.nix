# The disk of the inventory: one GPT that boots by BIOS and by UEFI, and one btrfs for everything.
{
  config,
  host,
  lib,
  ...
}: let
  inherit (host.storage) layout;
  encrypted = layout == "luks-btrfs";
  onDisk = host.storage ? disk && layout != "none";
  root = {
    type = "btrfs";
    extraArgs = ["-f"];
    subvolumes = {
      "@" = {
        mountpoint = "/";
        mountOptions = ["noatime" "compress=zstd:1"];
      };
      "@nix" = {
        mountpoint = "/nix";
        mountOptions = ["noatime"];
      };
      "@log" = {
        mountpoint = "/var/log";
        mountOptions = ["noatime" "compress=zstd:1"];
      };
    };
  };
in {
  config = lib.mkMerge [
    (lib.mkIf onDisk {
      disko.devices.disk.main = {
        type = "disk";
        device = host.storage.disk;
        content = {
          type = "gpt";
          partitions = {
            boot = {
              size = "1M";
              type = "EF02";
            };
            ESP = {
              size = "1G";
              type = "EF00";
              content = {
                type = "filesystem";
                format = "vfat";
                mountpoint = "/boot";
                mountOptions = ["umask=0077"];
              };
            };
            root = {
              size = "100%";
              content =
                if encrypted
                then {
                  type = "luks";
                  name = "root";
                  settings.allowDiscards = true;
                  content = root;
                }
                else root;
            };
          };
        };
      };
      # Journals of a crash are worth most when they are readable early.
      fileSystems."/var/log".neededForBoot = true;
    })
    (lib.mkIf (layout == "sdcard") {
      fileSystems."/" = {
        device = "/dev/disk/by-label/NIXOS_SD";
        fsType = "ext4";
        options = ["noatime"];
      };
    })
    (lib.mkIf (onDisk && !config.boot.loader.systemd-boot.enable) {
      # A rented machine may start either way, and its firmware keeps no boot entries of ours.
      boot.loader.grub = {
        enable = lib.mkDefault true;
        efiSupport = lib.mkDefault true;
        efiInstallAsRemovable = lib.mkDefault true;
      };
    })
  ];
}
