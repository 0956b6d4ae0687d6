# Nix, locale and time zone, garbage collection and upgrades.
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
      description = "Time zone; servers keep UTC, so that their logs are comparable.";
    };
    garbageCollection = {
      dates = mkOption {
        type = types.str;
        default = "weekly";
        description = "When old generations, and the paths that only they need, are deleted (systemd.time(7)).";
      };
      olderThan = mkOption {
        type = types.strMatching "[0-9]+d";
        default = "30d";
        description = "Age at which a generation is deleted.";
      };
    };
    substituters = mkOption {
      type = types.attrsOf types.str;
      default = {};
      example = {"https://cache.example.test/fleet" = "fleet-1:AAAA…=";};
      description = "Binary caches in addition to NixOS' own: address -> public key.";
    };
    autoUpgrade = {
      enable = mkOption {
        type = types.bool;
        default = false;
        description = ''
          Let the host upgrade itself from `flake`. Refused on hosts that are deployed to, because the next upgrade
          would silently replace the deployed system.
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
        description = "When the host upgrades itself (systemd.time(7)).";
      };
      allowReboot = mkOption {
        type = types.bool;
        default = false;
        description = "Reboot for a new kernel, between 01:00 and 05:00.";
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
        # With less free space than min-free, a build deletes garbage until max-free: old systems fill a
        # small store before the weekly collection.
        min-free = mkDefault (1024 * 1024 * 1024);
        max-free = mkDefault (3 * 1024 * 1024 * 1024);
        # One of the fleet's hosts serves the cache; when it is unavailable, the other hosts continue without it.
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
        message = "pantheros.system.autoUpgrade: an upgrade would replace the system that was deployed to this host; set pantheros.deployment.enable = false on a host that upgrades itself";
      }
      {
        assertion = cfg.autoUpgrade.enable -> cfg.autoUpgrade.flake != null;
        message = "pantheros.system.autoUpgrade.flake is not set, and the host has no channel to upgrade from; set it to a flake";
      }
    ];
  };
}
