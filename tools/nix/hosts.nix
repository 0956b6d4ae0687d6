# Every host of the inventory with its platform, for CI's matrix; nothing but the inventory is read:
#   nix-instantiate --eval --strict --json tools/nix/hosts.nix
let
  fleet = (import ../../nix/lib/fleet.nix).fromFile ../../nix/fleet.toml;
  # Runners are called after the processor.
  runners = {
    x86_64-linux = "ubuntu-24.04";
    aarch64-linux = "ubuntu-24.04-arm";
  };
in
  map (name: let
    inherit (fleet.hosts.${name}) system;
  in {
    host = name;
    inherit system;
    runner = runners.${system};
  }) (builtins.attrNames fleet.hosts)
