# How the machine starts.
{
  config,
  lib,
  pkgs,
  ...
}: let
  inherit (lib) mkDefault mkIf mkOption types;
  cfg = config.pantheros.boot;
in {
  options.pantheros.boot = {
    loader = mkOption {
      type = types.enum ["systemd-boot" "grub-hybrid" "extlinux" "none"];
      default = "grub-hybrid";
      description = ''
        `grub-hybrid`: one disk that boots by BIOS and by UEFI, for rented machines, which may start either way and whose
        firmware keeps no boot entries of ours. `systemd-boot`: UEFI only. `extlinux`: boards with U-Boot.
        `none`: an image brings its own.
      '';
    };
    touchFirmware = mkOption {
      type = types.bool;
      default = false;
      description = "Write boot entries into the firmware; for machines whose firmware is ours, such as laptops.";
    };
    timeout = mkOption {
      type = types.ints.unsigned;
      default = 5;
      description = "Seconds the loader waits for a key.";
    };
    generations = mkOption {
      type = types.ints.positive;
      default = 10;
      description = "How many systems the loader offers; each keeps a kernel on the boot partition.";
    };
    kernel = mkOption {
      type = types.enum ["default" "latest"];
      default = "default";
      description = "NixOS's own kernel, or the newest there is; ZFS is not made for the newest.";
    };
    quiet = mkOption {
      type = types.bool;
      default = false;
      description = "Show a picture instead of messages while starting.";
    };
  };

  config = {
    boot = {
      loader = lib.mkMerge [
        {timeout = mkDefault cfg.timeout;}
        (mkIf (cfg.loader == "systemd-boot") {
          systemd-boot = {
            enable = true;
            configurationLimit = mkDefault cfg.generations;
            # Whoever sits at the machine could start a shell otherwise.
            editor = mkDefault false;
          };
          efi.canTouchEfiVariables = mkDefault cfg.touchFirmware;
          grub.enable = false;
        })
        (mkIf (cfg.loader == "grub-hybrid") {
          grub = {
            enable = true;
            efiSupport = mkDefault true;
            efiInstallAsRemovable = mkDefault true;
            configurationLimit = mkDefault cfg.generations;
          };
        })
        (mkIf (cfg.loader == "extlinux") {
          grub.enable = false;
          generic-extlinux-compatible = {
            enable = true;
            configurationLimit = mkDefault cfg.generations;
          };
        })
      ];
      kernelPackages = mkIf (cfg.kernel == "latest") (mkDefault pkgs.linuxPackages_latest);
      kernelParams = mkIf cfg.quiet ["quiet" "splash"];
      plymouth.enable = mkIf cfg.quiet (mkDefault true);
      tmp.cleanOnBoot = mkDefault true;
      initrd.systemd.enable = mkDefault true;
    };

    assertions = [
      {
        assertion = cfg.kernel == "latest" -> !(config.boot.supportedFilesystems.zfs or false);
        message = "pantheros.boot.kernel = \"latest\": ZFS may not be there for the newest kernel; use \"default\" on hosts with ZFS";
      }
    ];
  };
}
