# The account of the control centre's operators: keys of roles with a forced command, and one sudo rule.
# Without a key of any role there is no account.
{
  config,
  lib,
  pkgs,
  ...
}: let
  cfg = config.pantheros.deployment;
  library = import ../../../lib/operators.nix;
  operators = library.forRoles config.pantheros.roles;
in {
  config = lib.mkIf (cfg.enable && operators.enable) {
    environment.systemPackages = [(pkgs.callPackage ./package.nix {systemd = config.systemd.package;})];
    environment.etc."pantheros/operators".text = operators.rules;

    users.groups.${library.account} = {};
    users.users.${library.account} = {
      description = "Acts for people of the control centre";
      isSystemUser = true;
      group = library.account;
      # The forced command needs a shell; the account never has a password.
      useDefaultShell = true;
      openssh.authorizedKeys.keys = operators.authorizedKeys;
    };

    security.sudo.extraConfig = operators.sudo;
  };
}
