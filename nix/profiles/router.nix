# A machine that others reach the internet through.
{lib, ...}: {
  boot.kernel.sysctl = {
    "net.ipv4.conf.all.forwarding" = lib.mkDefault true;
    "net.ipv6.conf.all.forwarding" = lib.mkDefault true;
  };
  services.tailscale.useRoutingFeatures = lib.mkDefault "server";
}
