# Synthetic hosts. The evaluation of one costs as much as that of a host of the real fleet (`options` and
# `rounds` of host.nix).
{
  outputs = _: let
    hosts = builtins.attrNames (builtins.readDir ./hosts);
    host = import ./host.nix;
    deployTargetOf = {
      name,
      folder,
    }:
      host name (import folder);
  in {
    inherit deployTargetOf;
    deployTargets = builtins.listToAttrs (map (name: {
        inherit name;
        value = deployTargetOf {
          inherit name;
          folder = ./hosts + "/${name}";
        };
      })
      hosts);
  };
}
