# Assistants for software development. Home Manager writes their settings (home/programs/assistants.nix).
{
  config,
  lib,
  pkgs,
  ...
}: let
  cfg = config.pantheros.development;
in {
  options.pantheros.development.assistants.enable = lib.mkOption {
    type = lib.types.bool;
    default = cfg.enable;
    defaultText = lib.literalMD "as `pantheros.development.enable`";
    description = "Whether to install OpenCode. It has no account of a model's vendor: each person logs in (`opencode auth login`), or names a model of their own, such as Ollama's.";
  };

  config = lib.mkIf cfg.assistants.enable {
    pantheros.environment.packages = [pkgs.opencode];
  };
}
