# The clone's own check before each commit. Git copies the hook into new clones; it does nothing until the person names a
# command there: git config pantheros.check "make check".
{
  config,
  lib,
  pkgs,
  ...
}: let
  cfg = config.pantheros.development;
in {
  options.pantheros.development.hooks.enable = lib.mkOption {
    type = lib.types.bool;
    default = cfg.enable;
    defaultText = lib.literalMD "as `pantheros.development.enable`";
    description = "Whether new clones have a hook that runs, before each commit, the command in `git config pantheros.check`. Without that setting it does nothing. `git init` adds the hook to a clone that exists.";
  };

  config = lib.mkIf cfg.hooks.enable {
    programs.git = {
      enable = lib.mkDefault true;
      config.init.templateDir = lib.mkDefault "${pkgs.pantheros.check-hook}/share/git-template";
    };
  };
}
