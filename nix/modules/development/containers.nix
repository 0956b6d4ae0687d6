# Development containers (containers.dev) with rootless Podman.
{
  config,
  lib,
  pkgs,
  ...
}: let
  cfg = config.pantheros.development;
in {
  options.pantheros.development.containers.enable = lib.mkOption {
    type = lib.types.bool;
    default = cfg.enable;
    defaultText = lib.literalMD "as `pantheros.development.enable`";
    description = "Whether to install Podman without root, and the command line of development containers, `devcontainer`.";
  };

  config = lib.mkIf cfg.containers.enable {
    pantheros.podman.enable = lib.mkDefault true;
    pantheros.environment.packages = [pkgs.devcontainer];

    assertions = [
      {
        assertion = config.pantheros.podman.compose;
        message = "pantheros.development.containers.enable: `devcontainer` starts `docker`, which is Podman's alias: set pantheros.podman.compose, or turn development containers off";
      }
    ];
  };
}
