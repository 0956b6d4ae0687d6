# Uplink, local names, and the tailnet.
{
  imports = [
    ./local-discovery.nix
    ./tailscale.nix
    ./uplink.nix
  ];
}
