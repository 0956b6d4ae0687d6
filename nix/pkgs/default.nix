# The fleet's own packages: each folder beside this file has a package.nix for callPackage, and is a package of that name.
pkgs: let
  folders = builtins.filter (name: builtins.pathExists (./. + "/${name}/package.nix")) (builtins.attrNames (builtins.readDir ./.));
in
  builtins.listToAttrs (map (name: {
      inherit name;
      value = pkgs.callPackage (./. + "/${name}/package.nix") {};
    })
    folders)
