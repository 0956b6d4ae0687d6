# The options of a secret, and the path of its file.
{
  config,
  lib,
  ...
}: let
  inherit (lib) mkOption types;
  cfg = config.pantheros;
  used = backend: lib.any (secret: secret.backend == backend) (lib.attrValues cfg.secrets);

  # sops makes /run/secrets a link of its own, so OpNix uses that documented path only without sops.
  directories = {
    opnix =
      if used "sops"
      then "/run/secrets-opnix"
      else "/run/secrets";
    sops = "/run/secrets";
    agenix = "/run/agenix";
    delivered = "/var/lib/pantheros/secrets";
  };

  secret = types.submodule ({
    name,
    config,
    ...
  }: {
    options = {
      backend = mkOption {
        type = types.enum ["opnix" "sops" "agenix" "delivered"];
        default = cfg.secretsBackend;
        defaultText = lib.literalExpression "config.pantheros.secretsBackend";
        description = ''
          Source of the secret. `opnix`: 1Password, read when the host starts. `sops` and `agenix`: a file of the
          repository, decrypted with the host's SSH key, without network. `delivered`: the program, over SSH before a
          deploy; it stays on the host's disk.
        '';
      };
      reference = mkOption {
        type = types.nullOr (types.strMatching "op://.+");
        default =
          if cfg.secretsItem == null
          then null
          else "${cfg.secretsItem}/${name}";
        defaultText = lib.literalMD "the field of its name in `pantheros.secretsItem`";
        example = "op://pantherOS-production/caddy/dns-token";
        description = "1Password reference that OpNix reads.";
      };
      file = mkOption {
        type = types.nullOr types.path;
        default = null;
        description = "Encrypted file of sops or agenix.";
      };
      key = mkOption {
        type = types.str;
        default = name;
        description = "Key inside sops' file.";
      };
      owner = mkOption {
        type = types.str;
        default = "root";
        description = "Account that may read it.";
      };
      group = mkOption {
        type = types.str;
        default = "root";
        description = "Group of the file.";
      };
      mode = mkOption {
        type = types.strMatching "0?[0-7]{3}";
        default = "0400";
        description = "Permissions of the file.";
      };
      services = mkOption {
        type = types.listOf types.str;
        default = [];
        example = ["caddy.service"];
        description = "Units that wait for it to start, and restart when it changes.";
      };
      path = mkOption {
        type = types.str;
        readOnly = true;
        default = "${directories.${config.backend}}/${name}";
        defaultText = lib.literalMD "`/run/secrets/NAME`, or where the backend puts it";
        description = "Path of its file.";
      };
    };
  });
in {
  options.pantheros = {
    secretsBackend = mkOption {
      type = types.enum ["opnix" "sops" "agenix" "delivered"];
      default = "opnix";
      description = "Backend of secrets without one.";
    };
    secretsItem = mkOption {
      type = types.nullOr (types.strMatching "op://[^/]+/[^/]+");
      default = null;
      example = "op://pantherOS-staging/staging";
      description = "1Password item of the secrets without a reference; each is in the field of its name.";
    };
    secrets = mkOption {
      type = types.attrsOf secret;
      default = {};
      description = "Secrets of this host.";
    };
  };

  config.assertions = lib.concatLists (lib.mapAttrsToList (name: entry: [
      {
        assertion = entry.backend == "opnix" -> entry.reference != null;
        message = "pantheros.secrets.${name}.reference is not set: set it to the secret's place in 1Password (op://VAULT/ITEM/FIELD)";
      }
      {
        assertion = lib.elem entry.backend ["sops" "agenix"] -> entry.file != null;
        message = "pantheros.secrets.${name}.file is not set: set it to the encrypted file that ${entry.backend} decrypts";
      }
    ])
    cfg.secrets);
}
