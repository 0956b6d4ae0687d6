# Closed by default: SSH with a limit per source, the tailnet, and what a proxy's networks may reach.
{
  config,
  lib,
  ...
}: let
  inherit (lib) mkDefault mkIf mkOption types;
  cfg = config.networking.firewall-pantheros;
  firewall = import ../../lib/firewall.nix;
in {
  options.networking.firewall-pantheros = {
    enable = lib.mkEnableOption "the fleet's firewall";
    hostType = mkOption {
      type = types.enum ["workstation" "server"];
      default = "workstation";
      description = "What the host is.";
    };
    ssh = {
      public = mkOption {
        type = types.bool;
        default = false;
        description = "Take SSH from anywhere, with the limit below. When false, only the tailnet and `sources` come in.";
      };
      closed = mkOption {
        type = types.listOf types.str;
        default = [];
        example = ["enp1s0"];
        description = "Interfaces on which SSH answers nobody, whatever `sources` and `public` say: a router's way to the internet.";
      };
      sources = mkOption {
        type = types.listOf types.str;
        default = [];
        example = ["198.51.100.7/32"];
        description = "Networks that reach SSH without a limit: those that deploy.";
      };
      perMinute = mkOption {
        type = types.ints.positive;
        default = 3;
        description = "New SSH connections per minute and source, beyond which they are reset.";
      };
      burst = mkOption {
        type = types.ints.positive;
        default = 3;
        description = "New SSH connections that a source may open at once.";
      };
    };
    publicPorts = mkOption {
      type = types.listOf types.port;
      default = [];
      example = [80 443];
      description = "TCP ports for `publicSources`.";
    };
    publicSources = mkOption {
      type = types.listOf types.str;
      default = [];
      example = ["192.0.2.0/24" "2001:db8::/32"];
      description = "Networks that reach `publicPorts`: those of the proxy in front. Empty: everybody.";
    };
    logRefused = mkOption {
      type = types.bool;
      default = true;
      description = "Write refused connections and packets to the journal, which drops what exceeds its rate.";
    };
  };

  config = mkIf cfg.enable {
    networking = {
      nftables.enable = mkDefault true;
      firewall = {
        enable = mkDefault true;
        trustedInterfaces = ["tailscale0"];
        logRefusedConnections = lib.mkOverride 900 cfg.logRefused;
        logRefusedPackets = lib.mkOverride 900 cfg.logRefused;
        # An exit node's replies come by another way than their questions went.
        checkReversePath = mkDefault "loose";
        extraInputRules = firewall.inputRules {
          ssh = {
            inherit (config.pantheros.ssh) port;
            inherit (cfg.ssh) burst closed perMinute public sources;
          };
          inherit (cfg) publicPorts publicSources;
        };
      };
    };

    assertions = [
      {
        assertion = config.networking.nftables.enable && config.networking.firewall.enable;
        message = "networking.firewall-pantheros writes rules of nftables: leave networking.nftables.enable and networking.firewall.enable on";
      }
      {
        assertion = !lib.elem config.pantheros.ssh.port config.networking.firewall.allowedTCPPorts;
        message = "networking.firewall.allowedTCPPorts holds SSH's port: rules in it come before the limit, which would never act; use networking.firewall-pantheros.ssh";
      }
    ];
  };
}
