# A machine that others reach the internet through.
{
  imports = [
    ./blocky.nix
    ./dhcp.nix
    ./nat.nix
    ./options.nix
    ./recovery.nix
    ./shaping.nix
    ./vpn.nix
  ];
}
