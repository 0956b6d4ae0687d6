# What makes a machine one of ours before it does anything.
{
  imports = [
    ./boot.nix
    ./environment.nix
    ./hardware.nix
    ./system.nix
    ./users.nix
  ];
}
