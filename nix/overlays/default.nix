# Overlays of the fleet's package set, in the order in which they apply: the fleet's own packages, then each other file
# of this folder. A file changes or pins packages of nixpkgs and says why and until when:
#   final: previous: {tool = previous.tool.overrideAttrs …;}
let
  files = builtins.filter (name: name != "default.nix" && builtins.match ".*\\.nix" name != null) (builtins.attrNames (builtins.readDir ./.));
in
  [(final: _: {pantheros = import ../pkgs final;})]
  ++ map (name: import (./. + "/${name}")) files
