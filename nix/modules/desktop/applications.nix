# The browser, and 1Password with its command line.
{
  config,
  lib,
  pkgs,
  ...
}: let
  inherit (lib) mkDefault mkIf mkOption types;
  desktop = config.pantheros.desktop;
  cfg = desktop.applications;
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
      type = types.enum ["firefox" "chromium" "none"];
      default = "firefox";
      description = "The browser that opens links. `none`: the account's own.";
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
      ++ lib.optional (cfg.browser == "chromium") pkgs.chromium;
    xdg.mime.defaultApplications = mkIf (cfg.browser != "none") (
      lib.genAttrs ["text/html" "x-scheme-handler/http" "x-scheme-handler/https"] (_: mkDefault "${cfg.browser}.desktop")
    );
  };
}
