# A host of the inventory -> its NixOS configuration: modules everybody has, the host's profiles, its own folder.
{
  inputs,
  fleet,
}: host:
inputs.nixpkgs.lib.nixosSystem {
  specialArgs = {inherit inputs fleet host;};
  modules =
    [
      inputs.disko.nixosModules.disko
      inputs.home-manager.nixosModules.home-manager
      inputs.opnix.nixosModules.default
      ../modules
      ../profiles/common.nix
    ]
    ++ map (profile: ../profiles + "/${profile}.nix") host.profiles
    ++ [(../hosts + "/${host.name}")];
}
