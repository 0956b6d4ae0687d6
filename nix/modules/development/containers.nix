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
    # The command line starts `docker` unless it is told otherwise, and the alias exists only with `compose`.
    environment.variables.DEVCONTAINER_DOCKER_PATH = lib.mkIf (!config.pantheros.podman.compose) (lib.mkDefault "podman");
  };
}
