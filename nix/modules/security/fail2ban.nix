# Shuts out addresses that guess; never the tailnet, nor those that deploy.
{
  config,
  lib,
  ...
}: let
  inherit (lib) mkOption types;
  cfg = config.pantheros.fail2ban;
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
    # The tailnet's addresses. Source: Tailscale, "IP pool".
    ignoreIP = ["100.64.0.0/10" "fd7a:115c:a1e0::/48"] ++ config.networking.firewall-pantheros.ssh.sources;
    jails.sshd.settings = {
      enabled = true;
      filter = "sshd[mode=aggressive]";
      port = toString config.pantheros.ssh.port;
      maxretry = cfg.attempts;
      bantime = cfg.banTime;
    };
  };
}
