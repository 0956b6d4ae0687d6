# A scan of the hardware at each boot, compared with the report that the host was built from.
{
  config,
  lib,
  pkgs,
  ...
}: let
  inherit (lib) mkOption types;
  cfg = config.pantheros.hardware;
  metrics = config.pantheros.services.alloy.textfiles;
in {
  options.pantheros.hardware.scan = {
    enable = mkOption {
      type = types.bool;
      default = config.pantheros.desktop.enable;
      defaultText = lib.literalMD "as `pantheros.desktop.enable`";
      description = "Whether to scan the hardware at boot, and to report what the host was built for and is not here. `systemctl start pantheros-hardware-scan` scans at once; the scan is a report for nix/hosts.";
    };
    seconds = mkOption {
      type = types.ints.positive;
      default = 5;
      description = "Time limit of a scan; the inventory's `[budgets] hardware_scan_seconds`.";
    };
  };

  config = lib.mkIf cfg.scan.enable {
    systemd.services.pantheros-hardware-scan = {
      description = "Scan the hardware, and compare it with the host's report";
      wantedBy = ["multi-user.target"];
      # After the boot, which it must not slow down.
      after = ["multi-user.target"];
      path = [pkgs.coreutils pkgs.jq pkgs.nixos-facter];
      serviceConfig = {
        Type = "oneshot";
        ExecStart = "${pkgs.runtimeShell} ${./hardware-scan.sh} ${lib.escapeShellArgs [
          (
            if cfg.report == null
            then ""
            # The file alone, and not the whole source that it is in.
            else "${cfg.report}"
          )
          "/var/lib/pantheros/hardware"
          metrics
        ]}";
        StateDirectory = "pantheros/hardware";
        StateDirectoryMode = "0700";
        TimeoutStartSec = cfg.scan.seconds;
        ProtectHome = true;
        PrivateTmp = true;
      };
    };
    systemd.tmpfiles.rules = ["d ${metrics} 0755 root root -"];
  };
}
