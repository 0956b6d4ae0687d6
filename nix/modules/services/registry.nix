# The inventory's services of this host, handed to the modules that run them; and the ports they need.
{
  fleet,
  host,
  lib,
  options,
  registry,
  ...
}: let
  own = registry.hosts.${host.name};
  policy = (import ../../lib/firewall.nix).policy {inherit fleet registry;} host;
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
      # The tailnet's interface is trusted as long as its policy is the only filter; its ports hold when it is not. Those of a
      # router's local network are here too, so that one place says what a host lets in.
      firewall.interfaces =
        lib.mapAttrs (_: ports: {
          allowedTCPPorts = ports.tcp or [];
          allowedUDPPorts = ports.udp or [];
        })
        policy.interfaces;
      firewall-pantheros = {
        publicPorts = policy.public.ports;
        publicSources = policy.public.sources;
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
