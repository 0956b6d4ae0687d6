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
  options.pantheros.opnix = {
    tokenFile = lib.mkOption {
      type = lib.types.str;
      default = "/var/lib/pantheros/secrets/opnix-token";
      description = "Token of the host's own service account; it opens the vaults that the account may read, whole.";
    };
    refresh = lib.mkOption {
      type = lib.types.singleLineStr;
      default = "6h";
      description = ''
        How long a secret that was changed in 1Password may take until it is on the host, as systemd.time(7) writes it.
        1Password counts what a service account reads: 1000 a day in accounts of families, for all their hosts together.
        `systemctl start pantheros-secrets-refresh` reads them now.
      '';
    };
  };

  config.systemd = lib.mkIf (mine != {}) {
    services.pantheros-secrets-refresh = {
      description = "Read the secrets of this host from 1Password again";
      after = ["network-online.target"];
      wants = ["network-online.target"];
      serviceConfig = {
        Type = "oneshot";
        Group = "onepassword-secrets";
      };
      # What OpNix's own unit runs. Not that unit again: it would count as failed while 1Password is away, which is no reason to take
      # a deploy back; the secrets from before are still there.
      script = ''
        if ! (
        ${config.systemd.services.opnix-secrets.script}
        ); then
          echo "1Password could not be read; the secrets stay as they are until the next time" >&2
        fi
      '';
    };
    timers.pantheros-secrets-refresh = {
      wantedBy = ["timers.target"];
      timerConfig = {
        OnActiveSec = cfg.opnix.refresh;
        OnUnitActiveSec = cfg.opnix.refresh;
        RandomizedDelaySec = "10min";
      };
    };
  };

  config.services.onepassword-secrets = lib.mkIf (mine != {}) {
    enable = true;
    # changes.nix does this for secrets of every backend. OpNix's own watches the directory that it writes to itself, and knows
    # nothing of a new token (nix/module.nix of opnix 0.11).
    systemdIntegration.enable = false;
    inherit (cfg.opnix) tokenFile;
    # Memory, not the disk.
    outputDir = dirOf (lib.head (lib.attrValues mine)).path;
    secrets = lib.mapAttrs' (name: secret:
      lib.nameValuePair (camel name) {
        inherit (secret) path owner group mode;
        reference = lib.defaultTo "" secret.reference;
      })
    mine;
  };
}
