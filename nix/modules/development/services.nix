# Databases for projects, reachable from this machine only. A developer is superuser of neither; PostgreSQL's role of each
# person may create databases.
{
  config,
  lib,
  ...
}: let
  inherit (lib) mkDefault mkIf mkOption types;
  cfg = config.pantheros.development.services;
  developers = lib.attrNames config.pantheros.users;
in {
  options.pantheros.development.services = {
    postgresql.enable = lib.mkEnableOption "PostgreSQL for projects: each person of this host has a role that may create databases, and connects through the socket";
    redis = {
      enable = lib.mkEnableOption "Redis for projects, on loopback; it keeps nothing across restarts";
      port = mkOption {
        type = types.port;
        default = 6379;
        description = "Port on loopback.";
      };
    };
  };

  config = lib.mkMerge [
    (mkIf cfg.postgresql.enable {
      services.postgresql = {
        enable = true;
        enableTCPIP = mkDefault false;
        ensureUsers =
          map (name: {
            inherit name;
            ensureClauses = {
              createdb = true;
              login = true;
            };
          })
          developers;
      };
      assertions = [
        {
          assertion = !config.pantheros.services.postgresql.enable;
          message = "pantheros.development.services.postgresql.enable: PostgreSQL of this host belongs to its services, whose databases developers must not reach: turn it off, and use `nix develop ./nix#services` in the project";
        }
        {
          assertion = developers != [];
          message = "pantheros.development.services.postgresql.enable: nobody has an account on this host, so nobody could connect: add a person to [users] in fleet.toml, or turn it off";
        }
      ];
    })
    (mkIf cfg.redis.enable {
      services.redis.servers.development = {
        enable = true;
        bind = mkDefault "127.0.0.1";
        inherit (cfg.redis) port;
        save = mkDefault [];
      };
    })
  ];
}
