# Options of planned features. They exist, are off, and cannot be turned on until they are implemented.
{
  config,
  lib,
  ...
}: let
  table = import ./table.nix;
  paths = lib.attrNames table;
  at = lib.splitString ".";
  option = path:
    lib.setAttrByPath (at path ++ ["enable"]) (lib.mkOption {
      type = lib.types.bool;
      default = false;
      description = "Planned, not implemented: ${table.${path}}.";
    });
in {
  options.pantheros = lib.foldl' lib.recursiveUpdate {} (map option paths);

  config.assertions =
    map (path: {
      assertion = !lib.getAttrFromPath (at path ++ ["enable"]) config.pantheros;
      message = "pantheros.${path}.enable: planned and not implemented (${table.${path}}); leave it off";
    })
    paths;
}
