# Transmission: downloads into the media directory. It has no accounts, so the gateway's sign-on and the tailnet's policy
# decide who may use it. No port is open for peers; it connects to them.
{
  config,
  host,
  lib,
  pkgs,
  registry,
  ...
}: let
  cfg = config.pantheros.services.transmission;
  downloads = "${config.pantheros.media.directory}/downloads";
  name = registry.nameFor "transmission";
in {
  options.pantheros.services.transmission = import ../../../lib/service-options.nix {inherit lib;} {
    description = "the download program Transmission";
    port = 9091;
  };

  config = lib.mkIf cfg.enable {
    services.transmission = {
      enable = true;
      package = pkgs.transmission_4;
      # With permissions NixOS also makes the directory of the program's settings, before the unit binds it.
      group = "media";
      downloadDirPermissions = "2775";
      openPeerPorts = false;
      openRPCPort = false;
      # Source: transmission, docs/Editing-Configuration-Files.md.
      settings = {
        download-dir = downloads;
        incomplete-dir-enabled = false;
        # 002: the group may move what was downloaded.
        umask = 2;
        rpc-bind-address = cfg.listen;
        rpc-port = cfg.port;
        # The firewall and the tailnet's policy choose the addresses. The names protect a visitor's browser from other
        # websites (DNS rebinding).
        rpc-whitelist-enabled = false;
        rpc-host-whitelist-enabled = true;
        rpc-host-whitelist = lib.concatStringsSep "," (["localhost" host.name (registry.nameOf host.name)] ++ lib.optional (name != null) name);
        port-forwarding-enabled = false;
      };
    };
  };
}
