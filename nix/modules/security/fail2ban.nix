# Bans addresses that guess passwords or keys; never the tailnet, nor the networks that deploys come from.
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
      description = "Failures after which an address is banned.";
    };
    banTime = mkOption {
      type = types.str;
      default = "1h";
      description = "Duration of a ban (jail.conf(5)).";
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
