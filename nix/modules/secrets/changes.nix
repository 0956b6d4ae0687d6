# With every backend, units wait for the secrets that they read, and restart when one changes.
{
  config,
  lib,
  pkgs,
  ...
}: let
  cfg = config.pantheros;
  opnix = lib.any (secret: secret.backend == "opnix") (lib.attrValues cfg.secrets);
  path = lib.makeBinPath [pkgs.coreutils pkgs.diffutils pkgs.gnugrep pkgs.gnused pkgs.systemd pkgs.util-linux];
  program = pkgs.writeShellScript "pantheros-secrets" ''
    PATH=${path}
    export PATH
    . ${./act.sh}
  '';
  secrets = import ../../lib/secrets.nix;
  units = secrets.unitsFor {
    secrets = map (secret: {inherit (secret) path services;}) (lib.attrValues cfg.secrets);
    fetcher =
      if opnix
      then {
        unit = "opnix-secrets.service";
        token = cfg.opnix.tokenFile;
      }
      else null;
    program = toString program;
  };
  base = lib.removeSuffix ".service";
in {
  config = lib.mkIf (units.table != "") {
    environment.etc."pantheros/secrets".text = units.table;
    systemd = {
      services =
        lib.mapAttrs' (unit: settings:
          lib.nameValuePair (base unit) {
            after = settings.After;
            wants = settings.Wants;
            unitConfig = {inherit (settings) ConditionPathExists;};
          })
        units.readers
        // {
          pantheros-secrets = {
            wantedBy = ["multi-user.target"];
            unitConfig = units.service.Unit;
            serviceConfig = units.service.Service;
          };
        }
        // lib.optionalAttrs opnix {opnix-secrets.serviceConfig = units.fetcherService;};
      paths.pantheros-secrets = {
        wantedBy = ["multi-user.target"];
        unitConfig = units.path.Unit;
        pathConfig = units.path.Path;
      };
    };
  };
}
