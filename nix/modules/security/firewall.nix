# Closed by default. Open are SSH with a limit per source, the tailnet, and public ports for a proxy's networks.
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
      description = "Kind of host.";
    };
    ssh = {
      public = mkOption {
        type = types.bool;
        default = false;
        description = "Accept SSH from any address, with the limits below. When false, only from the tailnet and `sources`.";
      };
      closed = mkOption {
        type = types.listOf types.str;
        default = [];
        example = ["enp1s0"];
        description = "Interfaces on which SSH is closed, regardless of `sources` and `public`: a router's interface to the internet.";
      };
      sources = mkOption {
        type = types.listOf types.str;
        default = [];
        example = ["198.51.100.7/32"];
        description = "Networks that reach SSH without a limit: those that deploys come from.";
      };
      perMinute = mkOption {
        type = types.ints.positive;
        default = 3;
        description = "New SSH connections per minute and source; further ones are reset.";
      };
      burst = mkOption {
        type = types.ints.positive;
        default = 3;
        description = "New SSH connections that a source may open in a burst.";
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
      description = "Networks that reach `publicPorts`: those of the proxy. Empty: all.";
    };
    logRefused = mkOption {
      type = types.bool;
      default = true;
      description = "Log refused connections and packets to the journal, which limits the rate.";
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
        # An exit node's replies may arrive on a different interface than the requests left.
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
        message = "networking.firewall-pantheros writes nftables rules: keep networking.nftables.enable and networking.firewall.enable on";
      }
      {
        assertion = !lib.elem config.pantheros.ssh.port config.networking.firewall.allowedTCPPorts;
        message = "networking.firewall.allowedTCPPorts contains SSH's port, so its limit would have no effect: remove the port, and use networking.firewall-pantheros.ssh";
      }
    ];
  };
}
