# nix flake check: the format of the sources, and every host of this platform built to its system. The
# machine tests are in files beside this one.
{
  configurations,
  fleet,
  inputs,
  lib,
  pkgs,
  system,
}: let
  ofSystem = lib.filterAttrs (_: host: host.system == system) fleet.hosts;
  hosts = lib.mapAttrs' (name: _: lib.nameValuePair "host-${name}" configurations.${name}.config.system.build.toplevel) ofSystem;

  source = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.fileFilter (file: file.hasExt "nix") ../.;
  };
  form = tool: command:
    pkgs.runCommand "pantheros-${tool.pname}" {nativeBuildInputs = [tool];} ''
      ${command} ${source}
      touch $out
    '';

  # Each file describes one machine test.
  files = lib.filterAttrs (name: kind: kind == "regular" && name != "default.nix" && lib.hasSuffix ".nix" name) (builtins.readDir ./.);
  machines =
    lib.mapAttrs' (name: _: lib.nameValuePair "vm-${lib.removeSuffix ".nix" name}" (import (./. + "/${name}") {inherit inputs lib pkgs;})) files;
in
  hosts
  // {
    format = form pkgs.alejandra "alejandra --check";
    unused = form pkgs.deadnix "deadnix --fail --no-lambda-pattern-names";
  }
  // lib.optionalAttrs (system == "x86_64-linux") machines
