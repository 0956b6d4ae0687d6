# A host of the inventory -> its NixOS configuration: modules everybody has, the host's profiles, its own folder.
{
  inputs,
  fleet,
  packages,
}: host: let
  folder = name: ../hosts + "/${name}";
  # A renamed host's folder may keep its name.
  directory =
    if host.formerly != null && !builtins.pathExists (folder host.name)
    then folder host.formerly
    else folder host.name;
  report = directory + "/facter.json";
in
  inputs.nixpkgs.lib.nixosSystem {
    specialArgs = {inherit inputs fleet host;};
    modules =
      import ./modules.nix inputs
      ++ [
        {
          nixpkgs.pkgs = packages.${host.system};
          pantheros.hardware.report =
            if builtins.pathExists report
            then report
            else null;
        }
      ]
      ++ map (profile: ../profiles + "/${profile}.nix") host.profiles
      ++ [directory];
  }
