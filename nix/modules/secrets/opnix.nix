# Secrets from 1Password, read on the host with a service account's token that the program delivers.
{
  config,
  lib,
  ...
}: let
  cfg = config.pantheros;
  mine = lib.filterAttrs (_: secret: secret.backend == "opnix") cfg.secrets;

  # OpNix accepts only names such as `tailscaleAuthKey`.
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
      description = "Token of the host's own service account; it can read all items of the account's vaults.";
    };
    refresh = lib.mkOption {
      type = lib.types.singleLineStr;
      default = "6h";
      description = ''
        Interval at which secrets are read again from 1Password (systemd.time(7)). 1Password limits reads by service
        accounts: 1000 per day in a family account, for all hosts together. `systemctl start pantheros-secrets-refresh`
        reads them at once.
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
      # The script of OpNix's own unit, not that unit: it would count as failed while 1Password is
      # unavailable, and a deploy would be rolled back although the old secrets still exist.
      script = ''
        if ! (
        ${config.systemd.services.opnix-secrets.script}
        ); then
          echo "1Password could not be read; the secrets stay as they are until the next refresh" >&2
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
    # changes.nix does this for all backends. OpNix's own integration watches the directory that it
    # writes itself, and does not notice a new token (nix/module.nix of opnix 0.11).
    systemdIntegration.enable = false;
    inherit (cfg.opnix) tokenFile;
    # In memory, not on disk.
    outputDir = dirOf (lib.head (lib.attrValues mine)).path;
    secrets = lib.mapAttrs' (name: secret:
      lib.nameValuePair (camel name) {
        inherit (secret) path owner group mode;
        reference = lib.defaultTo "" secret.reference;
      })
    mine;
  };
}
