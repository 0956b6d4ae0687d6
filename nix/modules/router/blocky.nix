# DNS for the local network: encrypted upstream resolvers, blocked advertisers, and the names of the
# tailnet and of the home.
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
      description = "Resolve names for the local network, with Blocky.";
    };
    upstreams = mkOption {
      type = types.listOf types.str;
      default = ["https://dns.quad9.net/dns-query" "https://cloudflare-dns.com/dns-query"];
      description = "Upstream resolvers, over TLS.";
    };
    bootstrap = mkOption {
      type = types.listOf types.str;
      default = ["9.9.9.9" "1.1.1.1"];
      description = "Resolvers for the addresses of the upstream resolvers.";
    };
    denylists = mkOption {
      type = types.listOf types.str;
      default = ["https://raw.githubusercontent.com/StevenBlack/hosts/master/hosts"];
      description = "Lists of names to block.";
    };
    tailnetSuffix = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "tail0000.ts.net";
      description = "Domain whose names the tailnet's resolver answers.";
    };
    mapping = mkOption {
      type = types.attrsOf types.str;
      default = {};
      example = {"storage.example.test" = "192.0.2.10";};
      description = "Names that are resolved locally: name -> address.";
    };
    httpPort = mkOption {
      type = types.port;
      default = 4000;
      description = "Port of its metrics and API.";
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
          # Blocky starts without an internet connection too, and then resolves local names.
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
          # Tailscale's resolver, at this address on every member. Source: Tailscale, "MagicDNS".
          ${cfg.dns.tailnetSuffix} = "100.100.100.100";
        };
        prometheus.enable = true;
        log.privacy = true;
      };
    };
    # Blocky keeps a counter for each client, and a client can claim any name. At this limit it is restarted, before the
    # router has no memory left.
    systemd.services.blocky.serviceConfig.MemoryMax = mkDefault "512M";
    # Blocky uses port 53.
    services.resolved.enable = false;
    networking.nameservers = mkDefault ["127.0.0.1"];
  };
}
