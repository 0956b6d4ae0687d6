# Podman, each account its own containers. Nobody is in a group that amounts to root.
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
      description = "Compose files, and `docker` as another name of `podman`.";
    };
    mirrors = mkOption {
      type = types.attrsOf types.str;
      default = {};
      example = {"docker.io" = "mirror.example.test";};
      description = "Registry -> mirror that is asked first.";
    };
    searchRegistries = mkOption {
      type = types.listOf types.str;
      default = ["docker.io" "ghcr.io" "quay.io"];
      description = "Registries for names without one.";
    };
    prune = mkOption {
      type = types.bool;
      default = true;
      description = "Remove what no container uses, once a week.";
    };
  };

  config = mkIf cfg.enable {
    virtualisation = {
      containers.enable = mkDefault true;
      podman = {
        enable = true;
        dockerCompat = mkDefault cfg.compose;
        # The socket of root's containers is as good as root.
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
        message = "a person's account is in the group podman or docker, which is as good as root: use pantheros.users.NAME.containers";
      }
    ];
  };
}
