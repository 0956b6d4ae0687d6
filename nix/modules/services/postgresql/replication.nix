# The primary's side of replication: replicas connect over the tailnet, which encrypts, with a password and a slot each. A
# slot keeps the changes that a replica has not received yet.
{
  config,
  host,
  lib,
  registry,
  ...
}: let
  inherit (lib) mkOption types;
  cfg = config.pantheros.services.postgresql;
  files = import ../../../lib/postgresql.nix;
  replicas = registry.replicasOf host.name;
  secret = "postgres-replication-password";
in {
  options.pantheros.services.postgresql.replication = {
    enable = mkOption {
      type = types.bool;
      default = replicas != [];
      defaultText = lib.literalMD "whether a service of the inventory with `module = \"postgresql-replica\"` names this host as its `primary`";
      description = "Whether other hosts may copy the databases of this host.";
    };
    keepGb = mkOption {
      type = types.ints.positive;
      default = 4;
      description = "Gigabytes of changes that are kept for a replica that is away. A replica that misses more must copy everything again.";
    };
    sources = mkOption {
      type = types.nonEmptyListOf types.singleLineStr;
      default = ["100.64.0.0/10" "fd7a:115c:a1e0::/48"];
      description = "Networks that replicas connect from: the tailnet's.";
    };
  };

  config = lib.mkIf (cfg.enable && cfg.replication.enable) {
    pantheros.secrets.${secret}.services = ["pantheros-postgres-replication"];

    systemd.services.pantheros-postgres-replication = {
      description = "The role and the slots of replicas";
      wantedBy = ["multi-user.target"];
      after = ["postgresql.service" "postgresql.target"];
      requires = ["postgresql.service"];
      path = [config.services.postgresql.package];
      script = "psql -XAtq --set=ON_ERROR_STOP=1 -d postgres -f ${builtins.toFile "replication.sql" (files.replication.sql (map (replica: replica.slot) replicas))}";
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        User = "postgres";
        LoadCredential = ["password:${config.pantheros.secrets.${secret}.path}"];
      };
    };

    assertions = [
      {
        assertion = cfg.listen != "";
        message = "pantheros.services.postgresql.replication: ${host.name} has replicas, and PostgreSQL listens on no address; add [services.postgresql] with host = \"${host.name}\", port = ${toString cfg.port} and protocol = \"tcp\" to fleet.toml, which also opens the port to the tailnet";
      }
    ];
  };
}
