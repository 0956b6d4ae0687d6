# The inventory's services of this host, handed to the modules that run them; and the ports they need.
{
  host,
  lib,
  options,
  registry,
  ...
}: let
  own = registry.hosts.${host.name};
  known = lib.filterAttrs (module: _: options.pantheros.services ? ${module}) own.modules;
  unknown = removeAttrs own.modules (lib.attrNames known);
  available = lib.concatStringsSep ", " (lib.attrNames options.pantheros.services);
in {
  config = {
    pantheros.services =
      lib.mapAttrs (
        _: service:
          {
            enable = lib.mkDefault true;
            port = lib.mkDefault host.services.${service}.port;
            listen = lib.mkDefault own.listen.${service};
          }
          // host.services.${service}.options
      )
      known;

    networking = {
      # The interface is trusted as long as the tailnet's policy is the only filter; this holds when it is not.
      firewall.interfaces.tailscale0.allowedTCPPorts = own.firewall.tailnet;
      firewall-pantheros = {
        publicPorts = own.firewall.public;
        publicSources = lib.mkIf own.firewall.cloudflareOnly (import ../../lib/cloudflare-ranges.nix);
      };
    };

    assertions =
      lib.mapAttrsToList (module: service: {
        assertion = false;
        message = "services.${service}: no module pantheros.services.${module}; there are ${available}. Set module in fleet.toml, to \"custom\" when hosts/${host.name} runs it";
      })
      unknown;
  };
}
