# A host of the inventory and the path of its folder (null: it has none) -> its NixOS configuration: the
# common modules, the host's profiles, and the folder's files.
{
  inputs,
  fleet,
  packages,
}: host: folder: let
  fileOf = name:
    if folder != null && builtins.pathExists (folder + "/${name}")
    then folder + "/${name}"
    else null;
  own = fileOf "default.nix";
  inherit (inputs.nixpkgs) lib;
in
  lib.nixosSystem {
    specialArgs = {inherit inputs fleet host;};
    modules =
      import ./modules.nix inputs
      ++ [
        {
          nixpkgs.pkgs = packages.${host.system};
          # The release that the fleet began with, never raised here: a host that was installed with a
          # later one sets it in its folder.
          system.stateVersion = lib.mkDefault "26.05";
          pantheros.hardware.report = fileOf "facter.json";
          pantheros.controlCenter.bundle = lib.mkDefault (fileOf "centre");
        }
      ]
      ++ map (profile: ../profiles + "/${profile}.nix") host.profiles
      ++ lib.optional (own != null) own;
  }
