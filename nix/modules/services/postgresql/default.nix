# PostgreSQL: all that the services of this host know stands in it, each in a database of its own, reached through the
# socket by the system user of the same name. Nothing listens on the network, and there are no passwords.
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
  imports = [./dump.nix];

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
      description = "Megabytes of memory that PostgreSQL keeps pages in; a quarter of the machine's is usual where it does nothing else.";
    };
    replication.enable = lib.mkEnableOption "replication to another host (in the documents a thing of the future; not built yet)";
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
      authentication = lib.mkForce files.authentication;
      inherit (files) identMap;
      settings =
        files.settings {inherit (cfg) sharedBuffersMb;}
        // {
          # Off the network: with enableTCPIP the module would listen on localhost at least.
          listen_addresses = lib.mkForce "";
        };
    };

    assertions = [
      {
        assertion = !cfg.replication.enable;
        message = "pantheros.services.postgresql.replication is planned and does nothing yet; daily dumps are what there is";
      }
      {
        # What the monitor expects dumps of is decided there, without evaluating hosts.
        assertion = cfg.databases == [] || registry.hosts.${host.name}.database;
        message = "pantheros.services.postgresql.databases: ${toString cfg.databases} are here, and needsDatabase of nix/lib/registry.nix names none of their modules: nobody would notice a missing dump";
      }
      {
        assertion = lib.allUnique cfg.databases;
        message = "pantheros.services.postgresql.databases: a name is there twice; each service has a database of its own";
      }
    ];
  };
}
