# The inventory -> options of the modules. Only this file, and services/ for what a host serves, reads
# the inventory; all other modules read options.
{
  config,
  fleet,
  host,
  lib,
  registry,
  ...
}: let
  inherit (lib) mkDefault mkIf;
  image = host.provider.kind == "image";
  workstation = lib.elem "workstation" host.profiles;
  hostType =
    if workstation
    then "workstation"
    else "server";
  homeHosts =
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
      inherit registry;
    }
    host;
  vaultProblem = (import ../lib/vaults.nix).problem {inherit fleet host;};
  # Secrets of this host that are in a vault of others -> why that is refused.
  misplaced = lib.filterAttrs (_: problem: problem != null) (
    lib.mapAttrs (_: secret: vaultProblem secret.reference)
    (lib.filterAttrs (_: secret: secret.backend == "opnix" && secret.reference != null) config.pantheros.secrets)
  );
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
    # Who may deploy, the time limits of a deploy, and the health checks after it.
    deployment = {
      enable = mkDefault (!image);
      inherit (fleet.deploy) user authorizedKeys probeKeys confirmSeconds healthSeconds healthPeriodSeconds switchSeconds rebootSeconds;
      inherit (host) reboot;
      checks = host.health;
      # The runner signs deploys with the cache's key, even if no cache is read. The host's own key
      # signs what untrusted stores built for it.
      trustedPublicKeys = lib.optional (fleet.cache.publicKey != null) fleet.cache.publicKey ++ lib.optional (host.buildKey != null) host.buildKey;
    };

    secretsItem = mkDefault host.secretsItem;

    ssh.port = host.sshPort;
    ssh.client.hosts = lib.mapAttrs (name: other: {
      address = registry.nameOf name;
      port = other.sshPort;
    }) (removeAttrs fleet.deployable [host.name]);

    hardware.scan.seconds = mkIf (fleet.budgets ? hardware_scan_seconds) fleet.budgets.hardware_scan_seconds;

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
            # Names of hosts at home resolve locally, even when the internet connection is down.
            mapping = lib.mapAttrs' (_: other: lib.nameValuePair other.fqdn other.provider.address) homeHosts;
          };
        };
  };

  assertions =
    lib.mapAttrsToList (name: problem: {
      assertion = false;
      message = "pantheros.secrets.${name}.reference: ${problem}";
    })
    misplaced;

  warnings = let
    inherit (config.pantheros) deployment;
  in
    lib.optional (deployment.enable && lib.any (lib.hasSuffix " documentation@example.test") fleet.deploy.authorizedKeys)
    "deploy.authorized_keys in fleet.toml still has the key of the documentation, whose private key does not exist: replace it with your own before you install a host"
    ++ lib.optional (deployment.enable && deployment.requireSignature && deployment.trustedPublicKeys == [])
    "cache.public_key in fleet.toml is not set, so ${host.name} would refuse every deploy after its installation: set it to the public key of PANTHEROS_SIGNING_KEY";
}
