# Sonarr, Radarr and Prowlarr: what to download, and where it belongs. They trust the gateway's sign-on.
{
  config,
  lib,
  ...
}: let
  programs = {
    prowlarr = {
      description = "Prowlarr, which searches for the others";
      port = 9696;
    };
    radarr = {
      description = "Radarr, which looks after films";
      port = 7878;
    };
    sonarr = {
      description = "Sonarr, which looks after series";
      port = 8989;
    };
  };
  names = ["prowlarr" "radarr" "sonarr"];
  settings = name: let
    cfg = config.pantheros.services.${name};
    variable = key: "${lib.toUpper name}__${key}";
  in
    lib.mkIf cfg.enable {
      services.${name}.enable = true;
      # Variables replace the file that the program writes itself. Source: wiki.servarr.com, "Environment Variables".
      systemd.services.${name}.environment = {
        ${variable "SERVER__PORT"} = toString cfg.port;
        ${variable "SERVER__BINDADDRESS"} = cfg.listen;
        ${variable "AUTH__METHOD"} = "External";
        ${variable "LOG__ANALYTICSENABLED"} = "False";
        ${variable "UPDATE__AUTOMATICALLY"} = "False";
      };
    };
in {
  options.pantheros.services = lib.genAttrs names (name: import ../../../lib/service-options.nix {inherit lib;} programs.${name});

  config = lib.mkMerge (map settings names);
}
