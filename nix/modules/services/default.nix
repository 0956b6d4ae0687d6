# What the constellation runs. Each module does nothing until the inventory puts its service on this host.
{fleet, ...}: {
  imports = [
    ./registry.nix
    ./caddy.nix
    ./attic.nix
    ./cachix.nix
    ./postgresql
    ./backups
    ./sso
    ./monitoring
  ];

  # Evaluated once per host, and only as far as somebody asks.
  _module.args.registry = import ../../lib/registry.nix fleet;
}
