# The base of every machine: boot, hardware, Nix, accounts.
{
  imports = [
    ./boot.nix
    ./environment.nix
    ./graphics.nix
    ./hardware-scan.nix
    ./hardware.nix
    ./system.nix
    ./users.nix
  ];
}
