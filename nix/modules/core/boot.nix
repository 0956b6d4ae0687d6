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
        `grub-hybrid`: a disk that boots by BIOS and by UEFI, for rented machines, which may start either way and whose
        firmware keeps no boot entries. `systemd-boot`: UEFI only. `extlinux`: boards with U-Boot.
        `none`: the image has its own boot loader.
      '';
    };
    touchFirmware = mkOption {
      type = types.bool;
      default = false;
      description = "Write boot entries into the firmware; for machines that keep them, such as laptops.";
    };
    timeout = mkOption {
      type = types.ints.unsigned;
      default = 5;
      description = "Seconds that the boot menu is shown.";
    };
    generations = mkOption {
      type = types.ints.positive;
      default = 10;
      description = "How many systems the boot menu has; each needs space for its kernel on the boot partition.";
    };
    kernel = mkOption {
      type = types.enum ["default" "latest"];
      default = "default";
      description = "NixOS' default kernel, or the newest one, which ZFS may not support.";
    };
    unattended = mkOption {
      type = types.bool;
      default = false;
      description = ''
        The machine has no operator at its console. A kernel that panics or hangs, a first boot stage without a root file
        system, and a service manager that stops responding all lead to a reboot into the boot default. During a deploy
        that is the old system, if the boot loader can start an entry once.
      '';
    };
    panicSeconds = mkOption {
      type = types.ints.positive;
      default = 30;
      description = "Seconds that an unattended machine shows a kernel panic before it reboots.";
    };
    watchdogSeconds = mkOption {
      type = types.ints.positive;
      default = 60;
      description = "Seconds after which the hardware watchdog of an unattended machine, if it has one, resets a system that does not respond.";
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
      description = "Serial console with kernel messages and a login, which vendors show as text; null: none.";
    };
    quiet = mkOption {
      type = types.bool;
      default = false;
      description = "Show a boot splash instead of messages.";
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
            # The editor would give anyone at the console a root shell.
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
        # The last console in the list is /dev/console.
        (mkIf (cfg.serialConsole != null) ["console=${cfg.serialConsole}" "console=tty0"])
        # Linux, Documentation/admin-guide/kernel-parameters.txt. boot.panic_on_fail: NixOS' first boot
        # stage panics instead of waiting at an emergency prompt.
        (mkIf cfg.unattended ["panic=${toString cfg.panicSeconds}" "softlockup_panic=1" "nmi_watchdog=panic" "boot.panic_on_fail"])
      ];
      plymouth.enable = mkIf cfg.quiet (mkDefault true);
      tmp.cleanOnBoot = mkDefault true;
      initrd.systemd.enable = mkDefault true;
    };

    # Without a watchdog device systemd only logs that (systemd-system.conf(5)).
    systemd.settings.Manager = mkIf cfg.unattended {
      RuntimeWatchdogSec = mkDefault "${toString cfg.watchdogSeconds}s";
      RebootWatchdogSec = mkDefault "5min";
    };

    assertions = [
      {
        assertion = cfg.kernel == "latest" -> !(config.boot.supportedFilesystems.zfs or false);
        message = "pantheros.boot.kernel = \"latest\": ZFS may not support the newest kernel; use \"default\" on hosts with ZFS";
      }
    ];
  };
}
