# Names for the local network: encrypted to the outside, without advertisers, the tailnet's and our own from within.
{
  config,
  lib,
  ...
}: let
  inherit (lib) mkDefault mkIf mkOption types;
  cfg = config.pantheros.router;
in {
  options.pantheros.router.dns = {
    enable = mkOption {
      type = types.bool;
      default = true;
      description = "Answer names in the local network, with Blocky.";
    };
    upstreams = mkOption {
      type = types.listOf types.str;
      default = ["https://dns.quad9.net/dns-query" "https://cloudflare-dns.com/dns-query"];
      description = "Resolvers that are asked, over TLS.";
    };
    bootstrap = mkOption {
      type = types.listOf types.str;
      default = ["9.9.9.9" "1.1.1.1"];
      description = "Resolvers that are asked for the addresses of the others.";
    };
    denylists = mkOption {
      type = types.listOf types.str;
      default = ["https://raw.githubusercontent.com/StevenBlack/hosts/master/hosts"];
      description = "Lists of names that are not answered.";
    };
    tailnetSuffix = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "tail0000.ts.net";
      description = "Names below it are asked of the tailnet.";
    };
    mapping = mkOption {
      type = types.attrsOf types.str;
      default = {};
      example = {"storage.example.test" = "192.0.2.10";};
      description = "Names of our own that stay in the house.";
    };
    httpPort = mkOption {
      type = types.port;
      default = 4000;
      description = "Port of its metrics and interface.";
    };
  };

  config = mkIf (cfg.enable && cfg.dns.enable) {
    services.blocky = {
      enable = true;
      settings = {
        ports = {
          dns = 53;
          http = cfg.dns.httpPort;
        };
        upstreams = {
          groups.default = cfg.dns.upstreams;
          # A router starts without internet when the line is down; the names of the house work then too.
          init.strategy = "fast";
        };
        bootstrapDns = map (resolver: {upstream = resolver;}) cfg.dns.bootstrap;
        blocking = {
          denylists.ads = cfg.dns.denylists;
          clientGroupsBlock.default = ["ads"];
          loading.strategy = "fast";
        };
        customDNS.mapping = cfg.dns.mapping;
        conditional.mapping = lib.optionalAttrs (cfg.dns.tailnetSuffix != null) {
          # Tailscale's resolver, on every member. Source: Tailscale, "MagicDNS".
          ${cfg.dns.tailnetSuffix} = "100.100.100.100";
        };
        prometheus.enable = true;
        log.privacy = true;
      };
    };
    # Port 53 is Blocky's.
    services.resolved.enable = false;
    networking.nameservers = mkDefault ["127.0.0.1"];
  };
}
