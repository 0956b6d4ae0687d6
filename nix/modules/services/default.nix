# The fleet's services. Each module does nothing unless the inventory puts its service on this host.
{fleet, ...}: {
  imports = [
    ./registry.nix
    ./caddy.nix
    ./attic.nix
    ./cachix.nix
    ./control-centre.nix
    ./postgresql
    ./backups
    ./files
    ./media
    ./sso
    ./monitoring
  ];

  # Evaluated once per host, and only the parts that are used.
  _module.args.registry = import ../../lib/registry.nix fleet;
}
