# The web server before every public service of this host. Certificates come by DNS-01, so that a name needs no open port
# to get one: one wildcard per zone, from the ACME client of NixOS rather than from a plugin of Caddy, which would mean a
# build of our own for every release, and the DNS token in the process that faces the internet.
{
  config,
  fleet,
  host,
  lib,
  registry,
  ...
}: let
  cfg = config.pantheros.services.caddy;
  own = registry.hosts.${host.name};
  token = "cloudflare-dns-token";

  # Units of security/acme, NixOS 25.11 and later.
  orders = map (certificate: "acme-order-renew-${certificate}") (lib.attrNames config.security.acme.certs);

  caddyfile = import ../../lib/caddy.nix;
  virtualHost = vhost: {
    useACMEHost = vhost.certificate;
    extraConfig = caddyfile.site vhost;
    logFormat = "output stdout";
  };
in {
  options.pantheros.services.caddy = {
    enable = lib.mkOption {
      type = lib.types.bool;
      default = own.virtualHosts != {};
      defaultText = lib.literalMD "whether the registry gives this host a public name to serve";
      description = "Whether to serve the public names of the registry with Caddy.";
    };
    email = lib.mkOption {
      type = lib.types.singleLineStr;
      default = "hostmaster@${fleet.domain}";
      defaultText = lib.literalMD "`hostmaster@` the fleet's domain";
      description = "Whom the certificate authority writes to.";
    };
    hstsSeconds = lib.mkOption {
      type = lib.types.ints.unsigned;
      default = 63072000;
      description = "How long a browser remembers to use HTTPS only.";
    };
    contentSecurityPolicy = lib.mkOption {
      type = lib.types.singleLineStr;
      default = "frame-ancestors 'self'; object-src 'none'; base-uri 'self'; upgrade-insecure-requests";
      description = "Sent where a service sends no policy of its own: what breaks no application, and stops framing and plugins.";
    };
    trustedProxies = lib.mkOption {
      type = lib.types.listOf lib.types.singleLineStr;
      default = import ../../lib/cloudflare-ranges.nix;
      defaultText = lib.literalMD "Cloudflare's networks";
      description = "Networks whose word about a visitor's address is taken.";
    };
  };

  config = lib.mkIf cfg.enable {
    # The units that order certificates wait for the token, start when it comes, and start again with a new one.
    pantheros.secrets.${token}.services = orders;
    # NixOS waits for the timer of the next day after a failure: it sets RestartSec= (15 minutes) and no Restart= (nixpkgs, issue
    # 554998). Let's Encrypt refuses after five failures in an hour.
    systemd.services = lib.genAttrs orders (_: {serviceConfig.Restart = lib.mkDefault "on-failure";});

    # Over HTTPS with the real name, past Cloudflare: a certificate that nobody trusts, such as the one that is there before the
    # first order, is a failed check. Any answer will do; the service's own check looks at what it says.
    pantheros.deployment.checks =
      map (name: {
        kind = "command";
        name = "https-${name}";
        target = "curl --silent --show-error --output /dev/null --max-time 8 --resolve ${name}:443:127.0.0.1 https://${name}/";
        timeoutSeconds = 10;
      })
      (lib.attrNames own.virtualHosts);

    security.acme = {
      acceptTerms = true;
      defaults = {
        inherit (cfg) email;
        dnsProvider = "cloudflare";
        dnsResolver = "1.1.1.1:53";
        credentialFiles.CLOUDFLARE_DNS_API_TOKEN_FILE = config.pantheros.secrets.${token}.path;
      };
      certs = lib.genAttrs own.certificates (zone: {
        domain = zone;
        extraDomainNames = ["*.${zone}"];
        group = config.services.caddy.group;
      });
    };

    # Caddy's own endpoint for its administration, on loopback, has its metrics.
    pantheros.services.alloy.scrapes.caddy = "127.0.0.1:2019";

    services.caddy = {
      enable = true;
      globalConfig = caddyfile.globals {inherit (cfg) trustedProxies;};
      extraConfig = caddyfile.headers {inherit (cfg) contentSecurityPolicy hstsSeconds;};
      virtualHosts =
        lib.mapAttrs (_: virtualHost) own.virtualHosts
        // lib.listToAttrs (map (zone: {
            name = "*.${zone}";
            value = {
              useACMEHost = zone;
              extraConfig = "respond 404";
              logFormat = "output discard";
            };
          })
          own.certificates);
    };

    assertions = [
      {
        assertion = own.virtualHosts != {};
        message = "pantheros.services.caddy.enable: no service of fleet.toml has a public name on ${host.name}; set public = true at one, or leave Caddy off";
      }
    ];
  };
}
