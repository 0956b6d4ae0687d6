# The tailnet, over which hosts reach each other and administrators reach the hosts.
{
  config,
  lib,
  pkgs,
  ...
}: let
  inherit (lib) mkDefault mkIf mkOption types;
  cfg = config.services.tailscale-pantheros;
  sops = lib.any (secret: secret.backend == "sops") (lib.attrValues config.pantheros.secrets);
  routes = cfg.advertiseRoutes != [] || cfg.exitNode;
in {
  options.services.tailscale-pantheros = {
    enable = lib.mkEnableOption "membership in the tailnet";
    hostType = mkOption {
      type = types.enum ["workstation" "server"];
      default = "workstation";
      description = "A server offers routes, a workstation uses them.";
    };
    advertiseRoutes = mkOption {
      type = types.listOf types.str;
      default = [];
      example = ["192.0.2.0/24"];
      description = "Networks that others reach through this host, if the tailnet's policy approves them.";
    };
    exitNode = mkOption {
      type = types.bool;
      default = false;
      description = "Others may reach the internet through this host: the fleet's VPN endpoint.";
    };
    authKeyFile = mkOption {
      type = types.str;
      default = "/var/lib/pantheros/secrets/tailscale-auth-key";
      description = "File with a single-use key for joining, which the program delivers before the first deploy.";
    };
  };

  config = mkIf cfg.enable {
    services.tailscale = {
      enable = true;
      authKeyFile = mkDefault cfg.authKeyFile;
      openFirewall = mkDefault true;
      useRoutingFeatures = mkDefault (
        if routes
        then "both"
        else if cfg.hostType == "workstation"
        then "client"
        else "none"
      );
      # Set at each start, because options of `tailscale up` apply only when joining.
      extraSetFlags =
        lib.optional (cfg.advertiseRoutes != []) "--advertise-routes=${lib.concatStringsSep "," cfg.advertiseRoutes}"
        ++ lib.optional cfg.exitNode "--advertise-exit-node";
    };

    # A newly installed machine boots before its key arrives. Until then the unit is skipped, because
    # one that already waits for a login would not read the key.
    systemd.services.tailscaled-autoconnect.unitConfig.ConditionPathExists = cfg.authKeyFile;
    systemd.paths.tailscaled-autoconnect = {
      wantedBy = ["multi-user.target"];
      pathConfig.PathChanged = cfg.authKeyFile;
    };

    # The supervisor reports the node id, so that another machine's device with this host's name is noticed.
    # The id changes when the host joins again. That also changes tailscaled's state file, which the path
    # unit watches.
    systemd.services.pantheros-tailnet-node = {
      description = "Write this machine's node id in the tailnet for the supervisor";
      after = ["tailscaled.service"];
      wantedBy = ["multi-user.target"];
      path = [config.services.tailscale.package pkgs.jq];
      serviceConfig.Type = "oneshot";
      script = ''
        umask 077
        mkdir -p /run/pantheros
        tailscale status --json --peers=false | jq -r '.Self.ID // empty' >/run/pantheros/tailnet-node.new
        mv -f /run/pantheros/tailnet-node.new /run/pantheros/tailnet-node
      '';
    };
    systemd.paths.pantheros-tailnet-node = {
      wantedBy = ["multi-user.target"];
      pathConfig.PathChanged = "/var/lib/tailscale/tailscaled.state";
    };

    # The path that documents and scripts use; sops makes the directory a link of its own.
    systemd.tmpfiles.rules = lib.mkIf (!sops) ["L+ /run/secrets/tailscale-auth-key - - - - ${cfg.authKeyFile}"];

    assertions = [
      {
        assertion = cfg.exitNode -> cfg.hostType == "server";
        message = "services.tailscale-pantheros.exitNode: a workstation is not always online; only a server can be an exit node";
      }
    ];
  };
}
