# PostgreSQL for the services of this host. Each has a database of its own, and reaches it through the socket as the
# system user with the same name, without a password. It listens on the network only for replicas (replication.nix).
{
  config,
  host,
  lib,
  registry,
  ...
}: let
  cfg = config.pantheros.services.postgresql;
  files = import ../../../lib/postgresql.nix;
in {
  imports = [./dump.nix ./replica.nix ./replication.nix];

  options.pantheros.services.postgresql = {
    enable = lib.mkOption {
      type = lib.types.bool;
      default = cfg.databases != [];
      defaultText = lib.literalMD "whether a service of this host wants a database";
      description = "Whether to run PostgreSQL.";
    };
    databases = lib.mkOption {
      type = lib.types.listOf (lib.types.strMatching "[a-z][a-z0-9_-]*");
      default = [];
      description = "Databases, each owned by the role and the system user of its name.";
    };
    sharedBuffersMb = lib.mkOption {
      type = lib.types.ints.positive;
      default = 128;
      description = "Megabytes of memory for cached pages; a quarter of the machine's memory is usual when it runs little else.";
    };
    port = lib.mkOption {
      type = lib.types.port;
      default = 5432;
      description = "Port for replicas, and in the socket's name.";
    };
    listen = lib.mkOption {
      type = lib.types.str;
      default = "";
      description = "Address it listens on, for replicas; empty: none. The registry sets it for a service with `module = \"postgresql\"`.";
    };
  };

  config = lib.mkIf cfg.enable {
    services.postgresql = {
      enable = true;
      enableTCPIP = false;
      ensureDatabases = cfg.databases;
      ensureUsers =
        map (name: {
          inherit name;
          ensureDBOwnership = true;
        })
        cfg.databases;
      authentication = lib.mkForce (
        files.authentication
        + lib.optionalString cfg.replication.enable (files.replication.authentication cfg.replication.sources)
      );
      inherit (files) identMap;
      settings =
        files.settings {inherit (cfg) sharedBuffersMb;}
        // {
          # With enableTCPIP the module would listen at least on localhost.
          listen_addresses = lib.mkForce cfg.listen;
          inherit (cfg) port;
        }
        // lib.optionalAttrs cfg.replication.enable (files.replication.settings {inherit (cfg.replication) keepGb;});
    };

    assertions = [
      {
        # The monitor's list of expected dumps comes from needsDatabase, without evaluating hosts.
        assertion = cfg.databases == [] || registry.hosts.${host.name}.database;
        message = "pantheros.services.postgresql.databases: ${toString cfg.databases} have no module in needsDatabase of nix/lib/registry.nix, so a missing dump would raise no alert: add it there";
      }
      {
        assertion = lib.allUnique cfg.databases;
        message = "pantheros.services.postgresql.databases: a name occurs twice; give each service a database of its own";
      }
    ];
  };
}
