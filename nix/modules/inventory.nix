# The inventory -> options of the machine's own modules. Only here (and in services/, for what a host serves) is fleet.toml
# known; everything else reads options.
{
  config,
  fleet,
  host,
  lib,
  ...
}: let
  inherit (lib) mkDefault mkIf;
  image = host.provider.kind == "image";
  workstation = lib.elem "workstation" host.profiles;
  hostType =
    if workstation
    then "workstation"
    else "server";
  housemates =
    lib.filterAttrs (
      _: other:
        other.environment
        == host.environment
        && other.provider.kind == "existing"
        && other.provider.vendor == "home"
        && other.provider ? address
    )
    fleet.hosts;
  policy =
    (import ../lib/firewall.nix).policy {
      inherit fleet;
      registry = import ../lib/registry.nix fleet;
    }
    host;
  developers = lib.attrNames (lib.filterAttrs (_: user: user.workspace) host.users);
in {
  networking = {
    hostName = host.name;
    domain = mkDefault fleet.domain;
    firewall-pantheros = {
      enable = mkDefault true;
      hostType = mkDefault hostType;
      ssh = {
        inherit (policy.ssh) closed sources;
        public = mkDefault policy.ssh.public;
      };
    };
  };

  services.tailscale-pantheros = {
    enable = mkDefault (!image);
    hostType = mkDefault hostType;
  };
  services.tailscale.port = fleet.ports.tailscale;

  pantheros = {
    # Who may deploy, how long that may take, and what must hold afterwards.
    deployment = {
      enable = mkDefault (!image);
      inherit (fleet.deploy) user authorizedKeys probeKeys confirmSeconds healthSeconds healthPeriodSeconds switchSeconds rebootSeconds;
      inherit (host) reboot;
      checks = host.health;
      # The runner signs what it deploys with the key of the cache, whether or not there is a cache to read from.
      # Its own key signs what stores built for it that the fleet does not trust.
      trustedPublicKeys = lib.optional (fleet.cache.publicKey != null) fleet.cache.publicKey ++ lib.optional (host.buildKey != null) host.buildKey;
    };

    secretsItem = mkDefault host.secretsItem;

    ssh.port = fleet.ports.ssh;
    inherit (fleet) roles;
    users = lib.mapAttrs (_: user: removeAttrs user ["hosts" "workspace"]) host.users;

    system.substituters = mkIf (fleet.cache.url != null && fleet.cache.publicKey != null) {
      ${fleet.cache.url} = fleet.cache.publicKey;
    };

    storage = {
      inherit (host.storage) layout;
      disk = host.storage.disk or null;
      classes = fleet.mounts // host.storage.classes or {};
      workspaceOwner =
        if lib.elem "devhost" host.profiles && developers != []
        then lib.head developers
        else null;
    };

    router =
      if host.router == null
      then {}
      else
        host.router
        // {
          enable = true;
          dns = {
            inherit (fleet) tailnetSuffix;
            # Machines of the house answer inside it, also when the line is down.
            mapping = lib.mapAttrs' (_: other: lib.nameValuePair other.fqdn other.provider.address) housemates;
          };
        };
  };

  warnings = let
    inherit (config.pantheros) deployment;
  in
    lib.optional (deployment.enable && lib.any (lib.hasSuffix " documentation@example.test") fleet.deploy.authorizedKeys)
    "deploy.authorized_keys in fleet.toml still holds the documentation's key, to which nobody has the private half: put your own before you install a host"
    ++ lib.optional (deployment.enable && deployment.requireSignature && deployment.trustedPublicKeys == [])
    "cache.public_key in fleet.toml is not set: ${host.name} would accept nobody's signature, and so no deploy after its installation";
}
