# Security keys (FIDO2): for sudo, login and the lock screen, and to unlock the disk.
{
  config,
  lib,
  pkgs,
  ...
}: let
  inherit (lib) mkDefault mkIf mkOption types;
  cfg = config.pantheros.hardwareKeys;
  # A name of its own, so that one registration holds on every host.
  origin = "pam://${config.networking.domain}";
  passwordOnly = lib.filter (name: config.pantheros.users.${name}.passwordSecret != null && !cfg.accounts ? ${name}) (lib.attrNames config.pantheros.users);
  strangers = lib.subtractLists (lib.attrNames config.pantheros.users) (lib.attrNames cfg.accounts);
in {
  options.pantheros.hardwareKeys = {
    enable = lib.mkEnableOption "security keys for people of this host. For SSH, `ssh-keygen -t ed25519-sk` makes a key that needs one; its public half goes into `authorized_keys`";
    accounts = mkOption {
      type = types.attrsOf (types.nonEmptyListOf (types.strMatching "[^: \n]+,[^: \n]+,[^: \n]+,[^: \n]*"));
      default = {};
      description = "Account -> its registered keys, as `pamu2fcfg --nouser --origin pam://DOMAIN` prints them (without the colon). They are public. Register two: one may be lost.";
    };
    control = mkOption {
      type = types.enum ["sufficient" "required"];
      default = "sufficient";
      description = "`sufficient`: a touch replaces the password. `required`: a login needs both.";
    };
    disk = mkOption {
      type = types.bool;
      default = false;
      description = "Whether a key may unlock the disk at boot. Register it on the machine with `systemd-cryptenroll --fido2-device=auto /dev/PARTITION`; the passphrase continues to work.";
    };
  };

  config = mkIf cfg.enable {
    environment.systemPackages = [pkgs.libfido2 pkgs.pam_u2f];
    security.pam.u2f = mkIf (cfg.accounts != {}) {
      enable = true;
      inherit (cfg) control;
      # Without `nouserok`: an account without a key must not pass.
      settings = {
        authfile = pkgs.writeText "security-keys" (
          lib.concatStrings (lib.mapAttrsToList (name: keys: "${name}:${lib.concatStringsSep ":" keys}\n") cfg.accounts)
        );
        inherit origin;
        appid = origin;
        cue = true;
      };
    };

    boot.initrd = mkIf cfg.disk {
      # The scripts that it replaces know no FIDO2 tokens of systemd-cryptenroll.
      systemd.enable = mkDefault true;
      luks.devices.crypt.crypttabExtraOpts = ["fido2-device=auto" "token-timeout=30"];
    };

    assertions = [
      {
        assertion = strangers == [];
        message = "pantheros.hardwareKeys.accounts: ${lib.concatStringsSep ", " strangers} have no account on this host; use names of [users] in fleet.toml";
      }
      {
        assertion = cfg.control != "required" || passwordOnly == [];
        message = "pantheros.hardwareKeys.control = \"required\" would lock out ${lib.concatStringsSep ", " passwordOnly}: register a key for them in `accounts`, or use \"sufficient\"";
      }
      {
        assertion = cfg.disk -> config.pantheros.storage.layout == "luks-btrfs";
        message = "pantheros.hardwareKeys.disk: the disk of this host is not encrypted; set storage.layout = \"luks-btrfs\" before an installation, or turn it off";
      }
    ];
  };
}
