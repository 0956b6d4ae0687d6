# Modules that every host imports; each does nothing until its options or the inventory ask for it.
{
  imports = [
    ./deployment
    ./inventory.nix
    ./network.nix
    ./storage.nix
  ];
}
