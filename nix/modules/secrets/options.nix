# What a secret is, and where it will lie.
{
  config,
  lib,
  ...
}: let
  inherit (lib) mkOption types;
  cfg = config.pantheros;
  used = backend: lib.any (secret: secret.backend == backend) (lib.attrValues cfg.secrets);

  # sops makes /run/secrets a link to its own; OpNix gets the documented place only where sops isn't.
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
          Who brings it. `opnix` reads 1Password when the host starts. `sops` and `agenix` decrypt a file of the repository
          with the host's SSH key, also without network. `delivered`: the program brings it through SSH before a deploy and
          it stays on the host's disk.
        '';
      };
      reference = mkOption {
        type = types.nullOr (types.strMatching "op://.+");
        default =
          if cfg.secretsItem == null
          then null
          else "${cfg.secretsItem}/${name}";
        defaultText = lib.literalMD "the field of its name in `pantheros.secretsItem`";
        example = "op://pantherOS/caddy/dns-token";
        description = "Where OpNix finds it.";
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
        description = "Units that start after it is there, and start again when it changes.";
      };
      path = mkOption {
        type = types.str;
        readOnly = true;
        default = "${directories.${config.backend}}/${name}";
        defaultText = lib.literalMD "`/run/secrets/NAME`, or where the backend puts it";
        description = "Where it lies when it is there.";
      };
    };
  });
in {
  options.pantheros = {
    secretsBackend = mkOption {
      type = types.enum ["opnix" "sops" "agenix" "delivered"];
      default = "opnix";
      description = "Backend of secrets that don't say.";
    };
    secretsItem = mkOption {
      type = types.nullOr (types.strMatching "op://[^/]+/[^/]+");
      default = null;
      example = "op://pantherOS/staging";
      description = "1Password item that holds the secrets which name no reference, each in the field of its name.";
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
        message = "pantheros.secrets.${name}.reference is not set: OpNix needs to know where 1Password keeps it (op://VAULT/ITEM/FIELD)";
      }
      {
        assertion = lib.elem entry.backend ["sops" "agenix"] -> entry.file != null;
        message = "pantheros.secrets.${name}.file is not set: ${entry.backend} decrypts a file";
      }
    ])
    cfg.secrets);
}
