# Security logs on disk: the kernel's audit, and journals that survive reboots.
{
  config,
  lib,
  ...
}: let
  inherit (lib) mkDefault mkIf mkOption types;
  cfg = config.pantheros.audit;
  watch = path: key: "-w ${path} -p wa -k ${key}";
in {
  options.pantheros.audit = {
    enable = lib.mkEnableOption "auditing of security-relevant events";
    rules = mkOption {
      type = types.listOf types.singleLineStr;
      default = [
        (watch "/etc/shadow" "accounts")
        (watch "/etc/ssh" "sshd")
        (watch "/var/lib/pantheros" "deploys")
        "-a always,exit -F arch=b64 -S init_module,finit_module,delete_module -k modules"
        "-a always,exit -F arch=b64 -S execve -F euid=0 -F auid>=1000 -F auid!=unset -k root-commands"
      ];
      description = "Rules of auditctl(8).";
    };
    journalSize = mkOption {
      type = types.str;
      default = "1G";
      description = "Disk space for journals.";
    };
  };

  config = mkIf cfg.enable {
    security = {
      auditd.enable = mkDefault true;
      audit = {
        enable = mkDefault true;
        inherit (cfg) rules;
        backlogLimit = mkDefault 8192;
      };
    };
    # NixOS already keeps journals across reboots. A file of its own, because the names of the NixOS
    # options for this change between releases.
    environment.etc."systemd/journald.conf.d/50-pantheros.conf".text = ''
      [Journal]
      SystemMaxUse=${cfg.journalSize}
      RateLimitIntervalSec=30s
      RateLimitBurst=2000
    '';
  };
}
