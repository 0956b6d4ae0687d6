# The browser, and 1Password with its command line.
{
  config,
  inputs,
  lib,
  pkgs,
  ...
}: let
  inherit (lib) mkDefault mkIf mkOption types;
  desktop = config.pantheros.desktop;
  cfg = desktop.applications;
  # With the fleet's package set: the packages of the flake itself would need a second one.
  zen =
    (import inputs.zen-browser {
      inherit pkgs;
      inherit (pkgs.stdenv.hostPlatform) system;
    })
    .default;
  desktopFiles = {
    chromium = "chromium-browser.desktop";
    firefox = "firefox.desktop";
    zen = "zen-beta.desktop";
  };
  people = lib.attrNames (lib.filterAttrs (_: account: account.passwordSecret != null) config.pantheros.users);
in {
  options.pantheros.desktop.applications = {
    enable = mkOption {
      type = types.bool;
      default = desktop.enable;
      defaultText = lib.literalMD "as `pantheros.desktop.enable`";
      description = "Whether to install a browser, a file manager and 1Password.";
    };
    browser = mkOption {
      type = types.enum ["chromium" "firefox" "none" "zen"];
      default = "zen";
      description = "The browser that opens links. `zen` is built from the flake's input `zen-browser`. `none`: the account's own.";
    };
    onePassword = mkOption {
      type = types.bool;
      default = true;
      description = "Whether to install 1Password. People with a password may unlock it with their login.";
    };
  };

  config = mkIf cfg.enable {
    programs.firefox = mkIf (cfg.browser == "firefox") {
      enable = mkDefault true;
      # Source: Mozilla, "Policy Templates".
      policies = {
        DisableTelemetry = mkDefault true;
        DisableFirefoxStudies = mkDefault true;
      };
    };
    programs._1password.enable = mkIf cfg.onePassword (mkDefault true);
    programs._1password-gui = mkIf cfg.onePassword {
      enable = mkDefault true;
      polkitPolicyOwners = mkDefault people;
    };
    environment.systemPackages =
      [pkgs.nautilus]
      ++ lib.optional (cfg.browser == "chromium") pkgs.chromium
      ++ lib.optional (cfg.browser == "zen") zen;
    xdg.mime.defaultApplications = mkIf (cfg.browser != "none") (
      lib.genAttrs ["text/html" "x-scheme-handler/http" "x-scheme-handler/https"] (_: mkDefault desktopFiles.${cfg.browser})
    );
  };
}
