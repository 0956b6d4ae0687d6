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
      default = 22;
      description = "Port that sshd listens on.";
    };
    rootLogin = mkOption {
      type = types.enum ["no" "prohibit-password"];
      default = "no";
      description = "Whether root may log in with a key; for installers only.";
    };
    allowForwarding = mkOption {
      type = types.bool;
      default = false;
      description = "Forward connections, as a jump host does.";
    };
    persistentHostKey = mkOption {
      type = types.bool;
      default = true;
      description = "One Ed25519 host key, which an installation brings along; images make theirs at each start.";
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
    settings = {
      PasswordAuthentication = mkDefault false;
      KbdInteractiveAuthentication = mkDefault false;
      PermitRootLogin = mkDefault cfg.rootLogin;
      X11Forwarding = mkDefault false;
      AllowTcpForwarding = mkDefault cfg.allowForwarding;
      AllowStreamLocalForwarding = mkDefault cfg.allowForwarding;
      AllowAgentForwarding = mkDefault false;
      GatewayPorts = mkDefault "no";
      ClientAliveInterval = mkDefault 300;
      ClientAliveCountMax = mkDefault 2;
      MaxAuthTries = mkDefault 3;
      MaxSessions = mkDefault 3;
      LoginGraceTime = mkDefault 30;
      # Both exchanges with an answer to quantum computers first. Source: ssh -Q kex of OpenSSH 10.
      KexAlgorithms = mkDefault [
        "mlkem768x25519-sha256"
        "sntrup761x25519-sha512@openssh.com"
        "curve25519-sha256"
        "curve25519-sha256@libssh.org"
      ];
      Ciphers = mkDefault [
        "chacha20-poly1305@openssh.com"
        "aes256-gcm@openssh.com"
        "aes128-gcm@openssh.com"
      ];
      Macs = mkDefault [
        "hmac-sha2-512-etm@openssh.com"
        "hmac-sha2-256-etm@openssh.com"
        "umac-128-etm@openssh.com"
      ];
    };
  };
}
