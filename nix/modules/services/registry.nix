# Passes the inventory's services of this host to the modules that run them, and opens the ports that they need.
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
      # The tailnet's interface is trusted while its policy is the only filter; these ports apply when it is not.
      # Ports of a router's local network are here too, so that all open ports of a host are in one place.
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
        message = "services.${service}: no module pantheros.services.${module}; set module in fleet.toml to one of ${available}, or to \"custom\" if hosts/${host.name} runs the service";
      })
      unknown;
  };
}
