# The binary cache: contents in B2, metadata in PostgreSQL, which the database dumps cover.
{
  config,
  fleet,
  host,
  lib,
  registry,
  ...
}: let
  cfg = config.pantheros.services.attic;
  name =
    if fleet.cache.host == host.name
    then registry.cacheName
    else "${registry.nameOf host.name}:${toString cfg.port}";
  scheme =
    if fleet.cache.host == host.name
    then "https"
    else "http";
  secrets = ["attic-token" "b2-credentials"];
in {
  options.pantheros.services.attic =
    import ../../lib/service-options.nix {inherit lib;} {
      description = "the binary cache server Attic";
      port = 8080;
    }
    // {
      bucket = lib.mkOption {
        type = lib.types.nullOr lib.types.str;
        default = registry.bucket host.environment "cache";
        defaultText = lib.literalMD "the bucket of this environment with `purpose = \"cache\"`";
        description = "Bucket of the cached contents.";
      };
      retention = lib.mkOption {
        type = lib.types.strMatching "[0-9]+ (days|weeks|months)";
        default = "3 months";
        description = "How long a path is kept after its last use, unless its cache has a setting of its own.";
      };
    };

  config = lib.mkIf cfg.enable {
    pantheros.secrets = lib.genAttrs secrets (_: {services = ["atticd"];});
    pantheros.services.postgresql.databases = ["atticd"];

    services.atticd = {
      enable = true;
      environmentFile = config.pantheros.secrets.attic-token.path;
      settings = {
        listen = "${cfg.listen}:${toString cfg.port}";
        allowed-hosts = [];
        api-endpoint = "${scheme}://${name}/";
        # The signing secret is in the environment (ATTIC_SERVER_TOKEN_RS256_SECRET_BASE64).
        jwt = {};
        # The role has the name of the unit's user, because PostgreSQL authenticates by the socket's
        # peer, without passwords.
        database.url = "postgresql:///atticd?host=/run/postgresql";
        storage = {
          type = "s3";
          inherit (fleet) region;
          inherit (cfg) bucket;
          inherit (registry) endpoint;
        };
        chunking = {
          nar-size-threshold = 65536;
          min-size = 16384;
          avg-size = 65536;
          max-size = 262144;
        };
        compression.type = "zstd";
        garbage-collection = {
          interval = "1 day";
          default-retention-period = cfg.retention;
        };
      };
    };

    # B2's key is in a second file, because the vendor issues it and the token is our own. It reaches only the cache's
    # bucket, because this service faces the internet. B2 refuses the checksums that newer S3 clients add by default.
    systemd.services.atticd = {
      serviceConfig.EnvironmentFile = lib.mkForce (map (secret: config.pantheros.secrets.${secret}.path) secrets);
      environment = {
        AWS_REQUEST_CHECKSUM_CALCULATION = "when_required";
        AWS_RESPONSE_CHECKSUM_VALIDATION = "when_required";
      };
    };

    assertions = [
      {
        assertion = cfg.bucket != null && registry.endpoint != null;
        message = "pantheros.services.attic: ${host.environment} has no bucket with purpose = \"cache\"; add one to fleet.toml (and [storage] region)";
      }
    ];
  };
}
