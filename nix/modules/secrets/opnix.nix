# Secrets from 1Password, read on the host with a service account's token that the program delivers.
{
  config,
  lib,
  ...
}: let
  cfg = config.pantheros;
  mine = lib.filterAttrs (_: secret: secret.backend == "opnix") cfg.secrets;

  # OpNix takes names such as `tailscaleAuthKey` only.
  camel = name: let
    words = lib.filter (word: word != "") (lib.splitString "-" name);
    capital = word: lib.toUpper (lib.substring 0 1 word) + lib.substring 1 (-1) word;
  in
    lib.concatStrings ([(lib.head words)] ++ map capital (lib.tail words));
in {
  options.pantheros.opnix.tokenFile = lib.mkOption {
    type = lib.types.str;
    default = "/var/lib/pantheros/secrets/opnix-token";
    description = "Token of the host's own service account, which sees the host's secrets only.";
  };

  config.services.onepassword-secrets = lib.mkIf (mine != {}) {
    enable = true;
    inherit (cfg.opnix) tokenFile;
    # Memory, not the disk.
    outputDir = dirOf (lib.head (lib.attrValues mine)).path;
    secrets = lib.mapAttrs' (name: secret:
      lib.nameValuePair (camel name) {
        inherit (secret) path owner group mode;
        reference = lib.defaultTo "" secret.reference;
        services = map (lib.removeSuffix ".service") secret.services;
      })
    mine;
  };
}
