# A machine that routes between a local network and the internet.
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
