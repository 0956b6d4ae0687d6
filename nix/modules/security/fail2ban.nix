# Shuts out addresses that guess; never the tailnet, nor those that deploy.
{
  config,
  lib,
  ...
}: let
  inherit (lib) mkOption types;
  cfg = config.pantheros.fail2ban;
  jail = import ../../lib/fail2ban.nix {
    inherit (cfg) attempts banTime;
    inherit (config.pantheros.ssh) port;
    inherit (config.networking.firewall-pantheros.ssh) sources;
  };
in {
  options.pantheros.fail2ban = {
    enable = lib.mkEnableOption "fail2ban for sshd";
    attempts = mkOption {
      type = types.ints.positive;
      default = 3;
      description = "Failures after which an address is shut out.";
    };
    banTime = mkOption {
      type = types.str;
      default = "1h";
      description = "How long, as jail.conf(5) writes it.";
    };
  };

  config.services.fail2ban = lib.mkIf cfg.enable {
    enable = true;
    maxretry = cfg.attempts;
    bantime = cfg.banTime;
    ignoreIP = jail.ignored;
    jails.sshd.settings = jail.sshd;
  };
}
