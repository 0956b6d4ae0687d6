# Modules of every host. Each does nothing unless its options or the inventory enable it.
{
  imports = [
    ./ai-workspace
    ./containers
    ./core
    ./deployment
    ./desktop
    ./development
    ./home
    ./inventory.nix
    ./network
    ./planned
    ./router
    ./secrets
    ./security
    ./services
    ./storage
    ./theme.nix
    ./virtual-machines
  ];
}
