# The web server of all public services of this host. Certificates come by DNS-01, which needs no
# open port: one wildcard per zone, or one per name, from NixOS' ACME client. A plugin of Caddy
# would need a build of our own for every release, and would put the DNS token into the process that
# faces the internet.
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

  # Units of NixOS' security/acme, since 25.11.
  orders = map (certificate: "acme-order-renew-${certificate}") (lib.attrNames config.security.acme.certs);

  caddyfile = import ../../lib/caddy.nix;
  virtualHost = name: vhost: {
    useACMEHost =
      if cfg.wildcard
      then vhost.certificate
      else name;
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
      description = "Contact address for the certificate authority.";
    };
    wildcard = lib.mkOption {
      type = lib.types.bool;
      default = true;
      description = "Whether to have one certificate for all names of a zone. False: one for each of this host's names, so that an attacker on the host can pass for no other; certificate logs then list the names.";
    };
    hstsSeconds = lib.mkOption {
      type = lib.types.ints.unsigned;
      default = 63072000;
      description = "How long browsers use only HTTPS.";
    };
    contentSecurityPolicy = lib.mkOption {
      type = lib.types.singleLineStr;
      default = "frame-ancestors 'self'; object-src 'none'; base-uri 'self'; upgrade-insecure-requests";
      description = "Policy for services without one of their own. It prevents framing and plugins, and breaks no application.";
    };
    trustedProxies = lib.mkOption {
      type = lib.types.listOf lib.types.singleLineStr;
      default = import ../../lib/cloudflare-ranges.nix;
      defaultText = lib.literalMD "Cloudflare's networks";
      description = "Proxies whose headers with a visitor's address are trusted.";
    };
  };

  config = lib.mkIf cfg.enable {
    # The units that order certificates wait for the token, start when it arrives, and restart when it changes.
    pantheros.secrets.${token}.services = orders;
    # NixOS sets RestartSec= (15 minutes) but no Restart=, so after a failure it waits for the next
    # day's timer (nixpkgs, issue 554998). Let's Encrypt refuses after five failures within an hour.
    systemd.services = lib.genAttrs orders (_: {serviceConfig.Restart = lib.mkDefault "on-failure";});

    # Over HTTPS with the real name, bypassing Cloudflare. An untrusted certificate, such as the temporary one before
    # the first order, fails the check. Any response passes; the service's own check validates its content.
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
      certs =
        lib.genAttrs (
          if cfg.wildcard
          then own.certificates
          else lib.attrNames own.virtualHosts
        ) (name: {
          domain = name;
          extraDomainNames =
            if cfg.wildcard
            then ["*.${name}"]
            else [];
          group = config.services.caddy.group;
        });
    };

    # Caddy's admin endpoint on loopback has its metrics.
    pantheros.services.alloy.scrapes.caddy = "127.0.0.1:2019";

    services.caddy = {
      enable = true;
      globalConfig = caddyfile.globals {inherit (cfg) trustedProxies;};
      extraConfig = caddyfile.headers {inherit (cfg) contentSecurityPolicy hstsSeconds;};
      virtualHosts =
        lib.mapAttrs virtualHost own.virtualHosts
        // lib.optionalAttrs cfg.wildcard (lib.listToAttrs (map (zone: {
            name = "*.${zone}";
            value = {
              useACMEHost = zone;
              extraConfig = "respond 404";
              logFormat = "output discard";
            };
          })
          own.certificates));
    };

    assertions = [
      {
        assertion = own.virtualHosts != {};
        message = "pantheros.services.caddy.enable: no service of fleet.toml has a public name on ${host.name}; set public = true for a service, or turn Caddy off";
      }
    ];
  };
}
