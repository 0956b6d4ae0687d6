# Root for those whose role says so, with their password.
{
  config,
  lib,
  ...
}: let
  inherit (lib) mkDefault;
  cfg = config.pantheros;

  # One rule for each account rather than for a group: groups say what a role is on the host, not who has it.
  rule = name: account: {
    users = [name];
    runAs = "root";
    sudo = cfg.roles.${account.role}.sudo or [];
  };
  rules = lib.filter (entry: entry.sudo != []) (lib.mapAttrsToList rule cfg.users);
in {
  options.pantheros.sudo.wheelNeedsPassword = lib.mkOption {
    type = lib.types.bool;
    default = true;
    description = "Ask members of wheel for their password.";
  };

  config.security.sudo = {
    enable = mkDefault true;
    wheelNeedsPassword = mkDefault cfg.sudo.wheelNeedsPassword;
    # Not for wheel alone: the deploy user is outside wheel and may run the supervisor.
    execWheelOnly = mkDefault false;
    extraConfig = ''
      Defaults logfile=/var/log/sudo.log, log_subcmds
      Defaults timestamp_timeout=5
    '';
    extraRules =
      map (entry: {
        inherit (entry) users runAs;
        commands =
          map (command: {
            inherit command;
            # A pager or an editor would be a shell of root's.
            options = ["NOEXEC"];
          })
          entry.sudo;
      })
      rules;
  };
}
