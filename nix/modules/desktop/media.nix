# Films, music and pictures on a desktop.
{
  config,
  lib,
  pkgs,
  ...
}: let
  desktop = config.pantheros.desktop;
in {
  options.pantheros.desktop.media.enable = lib.mkOption {
    type = lib.types.bool;
    default = desktop.enable;
    defaultText = lib.literalMD "as `pantheros.desktop.enable`";
    description = "Whether to install players for films, music and pictures.";
  };

  config = lib.mkIf desktop.media.enable {
    environment.systemPackages = [pkgs.mpv pkgs.loupe pkgs.papers pkgs.playerctl];
    xdg.mime.defaultApplications = lib.genAttrs ["video/mp4" "video/webm" "video/x-matroska" "audio/flac" "audio/mpeg" "audio/ogg"] (_: lib.mkDefault "mpv.desktop");
  };
}
