# Synthetic hosts. The evaluation of one costs as much as that of a host of the real fleet (`options` and
# `rounds` of host.nix).
{
  outputs = _: let
    hosts = builtins.attrNames (builtins.readDir ./hosts);
    host = import ./host.nix;
  in {
    deployTargets = builtins.listToAttrs (map (name: {
        inherit name;
        value = host name (import (./hosts + "/${name}"));
      })
      hosts);
  };
}
