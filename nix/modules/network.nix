# Names, and who may talk to the host: nobody but the tailnet.
{
  config,
  fleet,
  host,
  lib,
  ...
}: let
  # One-off; the program delivers it before the first deploy (components/fleet/fleet.ts).
  tailnetKey = "/var/lib/pantheros/secrets/tailscale-auth-key";
in {
  networking = {
    hostName = host.name;
    domain = lib.mkDefault fleet.domain;
    nftables.enable = lib.mkDefault true;
    firewall = {
      enable = lib.mkDefault true;
      trustedInterfaces = ["tailscale0"];
      allowedUDPPorts = [41641];
    };
  };

  # The tailnet is the way in; the vendor's firewall says from where port 22 can be reached beside it.
  services.tailscale = {
    enable = lib.mkDefault (host.provider.kind != "image");
    authKeyFile = lib.mkDefault tailnetKey;
  };

  # A machine that was just installed boots before its key arrives, and joins when it does.
  systemd.paths.tailscaled-autoconnect = lib.mkIf config.services.tailscale.enable {
    wantedBy = ["multi-user.target"];
    pathConfig.PathChanged = tailnetKey;
  };
}
