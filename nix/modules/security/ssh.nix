# sshd: keys only, no root, modern ciphers.
{
  config,
  lib,
  ...
}: let
  inherit (lib) mkDefault mkOption types;
  cfg = config.pantheros.ssh;
in {
  options.pantheros.ssh = {
    port = mkOption {
      type = types.port;
      default = (import ../../lib/defaults.nix).ports.ssh;
      description = "Port that sshd listens on.";
    };
    rootLogin = mkOption {
      type = types.enum ["no" "prohibit-password"];
      default = "no";
      description = "Let root log in with a key; for installers only.";
    };
    allowForwarding = mkOption {
      type = types.bool;
      default = false;
      description = "Allow forwarding, for a jump host.";
    };
    persistentHostKey = mkOption {
      type = types.bool;
      default = true;
      description = "The Ed25519 host key, which an installation writes; images make a new one at each start.";
    };
  };

  config.services.openssh = {
    enable = mkDefault true;
    ports = [cfg.port];
    # The firewall module opens the port, with a limit per source.
    openFirewall = mkDefault (!config.networking.firewall-pantheros.enable);
    hostKeys = lib.mkIf cfg.persistentHostKey (mkDefault [
      {
        path = "/etc/ssh/ssh_host_ed25519_key";
        type = "ed25519";
      }
    ]);
    settings = lib.mapAttrs (_: mkDefault) (import ../../lib/ssh.nix {inherit (cfg) allowForwarding rootLogin;});
  };
}
