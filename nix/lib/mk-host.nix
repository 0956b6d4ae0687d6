# A host of the inventory -> its NixOS configuration: the common modules, the host's profiles, and its
# own folder if there is one.
{
  inputs,
  fleet,
  packages,
}: host: let
  folder = name: ../hosts + "/${name}";
  # A renamed host can keep its folder's name.
  directory =
    if host.formerly != null && !builtins.pathExists (folder host.name)
    then folder host.formerly
    else folder host.name;
  report = directory + "/facter.json";
  own = directory + "/default.nix";
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
          pantheros.hardware.report =
            if builtins.pathExists report
            then report
            else null;
        }
      ]
      ++ map (profile: ../profiles + "/${profile}.nix") host.profiles
      ++ lib.optional (builtins.pathExists own) own;
  }
