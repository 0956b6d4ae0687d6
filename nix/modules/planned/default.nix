# What is to come, with its place kept: options that exist, are off, and refuse to be on before there is something
# behind them.
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
      description = "Planned; does nothing yet: ${table.${path}}.";
    });
in {
  options.pantheros = lib.foldl' lib.recursiveUpdate {} (map option paths);

  config.assertions =
    map (path: {
      assertion = !lib.getAttrFromPath (at path ++ ["enable"]) config.pantheros;
      message = "pantheros.${path}.enable: planned, there is nothing behind it yet (${table.${path}})";
    })
    paths;
}
