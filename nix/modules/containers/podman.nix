# Podman with rootless containers per account. No account is in a group that is equivalent to root.
{
  config,
  lib,
  pkgs,
  ...
}: let
  inherit (lib) mkDefault mkIf mkOption types;
  cfg = config.pantheros.podman;
  people = lib.filter (account: account.isNormalUser) (lib.attrValues config.users.users);
in {
  options.pantheros.podman = {
    enable = lib.mkEnableOption "containers without root, with Podman";
    compose = mkOption {
      type = types.bool;
      default = true;
      description = "Install podman-compose, and `docker` as an alias of `podman`.";
    };
    mirrors = mkOption {
      type = types.attrsOf types.str;
      default = {};
      example = {"docker.io" = "mirror.example.test";};
      description = "Registry -> mirror that is tried first.";
    };
    searchRegistries = mkOption {
      type = types.listOf types.str;
      default = ["docker.io" "ghcr.io" "quay.io"];
      description = "Registries that are searched for image names without a registry.";
    };
    prune = mkOption {
      type = types.bool;
      default = true;
      description = "Remove unused images and containers once a week.";
    };
  };

  config = mkIf cfg.enable {
    virtualisation = {
      containers.enable = mkDefault true;
      podman = {
        enable = true;
        dockerCompat = mkDefault cfg.compose;
        # Access to this socket is equivalent to root.
        dockerSocket.enable = mkDefault false;
        defaultNetwork.settings.dns_enabled = mkDefault true;
        autoPrune = {
          enable = mkDefault cfg.prune;
          dates = mkDefault "weekly";
        };
      };
      oci-containers.backend = mkDefault "podman";
    };
    environment.etc."containers/registries.conf.d/50-pantheros.conf".text =
      ''
        unqualified-search-registries = ${builtins.toJSON cfg.searchRegistries}
      ''
      + lib.concatStrings (lib.mapAttrsToList (registry: mirror: ''

          [[registry]]
          location = "${registry}"
          [[registry.mirror]]
          location = "${mirror}"
        '')
        cfg.mirrors);
    environment.systemPackages = lib.optional cfg.compose pkgs.podman-compose;

    assertions = [
      {
        assertion = lib.all (account: lib.intersectLists ["docker" "podman"] account.extraGroups == []) people;
        message = "an account of a person is in the group podman or docker, which is equivalent to root: remove it, and set pantheros.users.NAME.containers";
      }
    ];
  };
}
