# Modules that every host imports; each does nothing until its options or the inventory ask for it.
{
  imports = [
    ./containers
    ./core
    ./deployment
    ./desktop
    ./development
    ./inventory.nix
    ./network
    ./planned
    ./router
    ./secrets
    ./security
    ./services
    ./storage
  ];
}
