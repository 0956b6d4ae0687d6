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
    unattended = mkOption {
      type = types.bool;
      default = false;
      description = ''
        Nobody sits at it: a kernel that panics or hangs, a first stage that finds no root file system, and a service manager
        that stops answering all end in a reboot, which starts the boot default. With a loader that starts a new system once,
        that is the system from before.
      '';
    };
    panicSeconds = mkOption {
      type = types.ints.positive;
      default = 30;
      description = "Seconds an unattended machine shows why its kernel panicked before it reboots.";
    };
    watchdogSeconds = mkOption {
      type = types.ints.positive;
      default = 60;
      description = "Seconds without a sign of life after which the watchdog of an unattended machine resets it, where it has one.";
    };
    serialConsole = mkOption {
      type = types.nullOr types.singleLineStr;
      default =
        if !cfg.unattended
        then null
        else if pkgs.stdenv.hostPlatform.system == "x86_64-linux"
        then "ttyS0,115200"
        else "ttyAMA0,115200";
      defaultText = lib.literalMD "the first serial port of an unattended machine";
      description = "Second console, which vendors show as text: kernel messages and a login; null: none.";
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
      kernelParams = lib.mkMerge [
        (mkIf cfg.quiet ["quiet" "splash"])
        # The last one is /dev/console.
        (mkIf (cfg.serialConsole != null) ["console=${cfg.serialConsole}" "console=tty0"])
        # Linux, Documentation/admin-guide/kernel-parameters.txt; boot.panic_on_fail: the first stage of NixOS crashes the kernel
        # instead of waiting at an emergency prompt.
        (mkIf cfg.unattended ["panic=${toString cfg.panicSeconds}" "softlockup_panic=1" "nmi_watchdog=panic" "boot.panic_on_fail"])
      ];
      plymouth.enable = mkIf cfg.quiet (mkDefault true);
      tmp.cleanOnBoot = mkDefault true;
      initrd.systemd.enable = mkDefault true;
    };

    # systemd-system.conf(5): without a watchdog device it only says so in the log.
    systemd.settings.Manager = mkIf cfg.unattended {
      RuntimeWatchdogSec = mkDefault "${toString cfg.watchdogSeconds}s";
      RebootWatchdogSec = mkDefault "5min";
    };

    assertions = [
      {
        assertion = cfg.kernel == "latest" -> !(config.boot.supportedFilesystems.zfs or false);
        message = "pantheros.boot.kernel = \"latest\": ZFS may not be there for the newest kernel; use \"default\" on hosts with ZFS";
      }
    ];
  };
}
