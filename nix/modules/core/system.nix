# Nix itself, language and time, and who replaces the system.
{
  config,
  lib,
  ...
}: let
  inherit (lib) mkDefault mkOption types;
  cfg = config.pantheros.system;
in {
  options.pantheros.system = {
    locale = mkOption {
      type = types.str;
      default = "en_US.UTF-8";
      description = "Language of messages and formats.";
    };
    timeZone = mkOption {
      type = types.str;
      default = "UTC";
      example = "America/New_York";
      description = "Time zone; a server keeps UTC, so that the logs of all read alike.";
    };
    garbageCollection = {
      dates = mkOption {
        type = types.str;
        default = "weekly";
        description = "When old generations and what only they need are removed, as systemd.time(7) writes it.";
      };
      olderThan = mkOption {
        type = types.strMatching "[0-9]+d";
        default = "30d";
        description = "Age from which a generation is old.";
      };
    };
    substituters = mkOption {
      type = types.attrsOf types.str;
      default = {};
      example = {"https://cache.example.test/fleet" = "fleet-1:AAAA…=";};
      description = "Binary caches beside NixOS's own: address -> public key.";
    };
    autoUpgrade = {
      enable = mkOption {
        type = types.bool;
        default = false;
        description = ''
          Let the host upgrade itself from `flake`. Refused on hosts that are deployed to: the next upgrade would
          silently replace what was deployed.
        '';
      };
      flake = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "github:example/fleet?dir=nix";
        description = "Flake that the host upgrades itself from.";
      };
      dates = mkOption {
        type = types.str;
        default = "Sun 04:40";
        description = "When the host upgrades itself, as systemd.time(7) writes it.";
      };
      allowReboot = mkOption {
        type = types.bool;
        default = false;
        description = "Reboot for a new kernel, between one and five o'clock at night.";
      };
    };
  };

  config = {
    nix = {
      channel.enable = mkDefault false;
      settings = {
        experimental-features = ["nix-command" "flakes"];
        auto-optimise-store = mkDefault true;
        substituters = lib.attrNames cfg.substituters;
        trusted-public-keys = lib.attrValues cfg.substituters;
        # Below the one a build makes room up to the other: old systems that wait for the weekly collection fill a small store.
        min-free = mkDefault (1024 * 1024 * 1024);
        max-free = mkDefault (3 * 1024 * 1024 * 1024);
        # One of the fleet's machines serves its cache: when it is away, the others go on without.
        fallback = mkDefault true;
        connect-timeout = mkDefault 5;
      };
      gc = {
        automatic = mkDefault true;
        dates = mkDefault cfg.garbageCollection.dates;
        options = mkDefault "--delete-older-than ${cfg.garbageCollection.olderThan}";
      };
    };

    i18n.defaultLocale = mkDefault cfg.locale;
    time.timeZone = mkDefault cfg.timeZone;

    system.autoUpgrade = lib.mkIf cfg.autoUpgrade.enable {
      enable = true;
      inherit (cfg.autoUpgrade) flake dates allowReboot;
      rebootWindow = {
        lower = "01:00";
        upper = "05:00";
      };
    };

    assertions = [
      {
        assertion = cfg.autoUpgrade.enable -> !config.pantheros.deployment.enable;
        message = "pantheros.system.autoUpgrade: this host is deployed to, an upgrade of its own would replace what was deployed; set pantheros.deployment.enable = false for a host that looks after itself";
      }
      {
        assertion = cfg.autoUpgrade.enable -> cfg.autoUpgrade.flake != null;
        message = "pantheros.system.autoUpgrade.flake is not set: without it the host would follow a channel, which it has none of";
      }
    ];
  };
}
