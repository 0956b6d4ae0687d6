# OpenCode: nothing leaves the machine but requests to the model that the person chose, and it asks before it acts.
{
  assistants,
  lib,
  ...
}: let
  inherit (lib) mkDefault;
in {
  programs.opencode = lib.mkIf assistants {
    enable = mkDefault true;
    # The system installs it (development/assistants.nix).
    package = mkDefault null;
    # Source: opencode.ai, "Config" and "Permissions".
    settings = {
      autoupdate = mkDefault false;
      share = mkDefault "disabled";
      permission = {
        edit = mkDefault "ask";
        bash = mkDefault "ask";
        webfetch = mkDefault "ask";
      };
    };
  };
}
