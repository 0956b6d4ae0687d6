# Upkeep of btrfs beyond the mount classes: checksums are compared once a month, so that a decaying disk is found while
# backups still exist, and nearly empty blocks are given back.
{
  config,
  lib,
  pkgs,
  ...
}: let
  inherit (lib) mkOption types;
  cfg = config.pantheros.storage;
  encrypted = cfg.layout == "luks-btrfs";
in {
  options.pantheros.storage.tuning = {
    enable = lib.mkEnableOption "scrub, balance and discard of btrfs";
    at = mkOption {
      type = types.singleLineStr;
      default = "monthly";
      description = "When to scrub and balance (systemd.time(7)). On mains power only.";
    };
  };

  config = lib.mkIf cfg.tuning.enable {
    systemd = {
      services.pantheros-btrfs-maintenance = {
        description = "Check and tidy the btrfs file systems";
        path = [pkgs.btrfs-progs];
        # A deploy must not wait for hours, nor stop it.
        restartIfChanged = false;
        stopIfChanged = false;
        unitConfig.ConditionACPower = true;
        serviceConfig = {
          Type = "oneshot";
          ExecStart = "${pkgs.runtimeShell} ${./maintenance.sh} ${lib.escapeShellArgs (map (entry: entry.mount) cfg.effective)}";
          Nice = 19;
          IOSchedulingClass = "idle";
          TimeoutStartSec = "24h";
        };
      };
      timers.pantheros-btrfs-maintenance = {
        wantedBy = ["timers.target"];
        timerConfig = {
          OnCalendar = cfg.tuning.at;
          Persistent = true;
          RandomizedDelaySec = "6h";
        };
      };
    };
    # Discards reach the disk in batches; inside LUKS only when it may see which blocks are free.
    services.fstrim.enable = lib.mkDefault true;
    boot.initrd.luks.devices.crypt.allowDiscards = lib.mkIf encrypted (lib.mkDefault true);

    assertions = [
      {
        assertion = lib.elem cfg.layout ["btrfs-classes" "luks-btrfs"];
        message = "pantheros.storage.tuning.enable: the layout ${cfg.layout} has no btrfs; turn it off";
      }
    ];
  };
}
