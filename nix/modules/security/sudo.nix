# sudo by role, with the account's password.
{
  config,
  lib,
  ...
}: let
  inherit (lib) mkDefault;
  cfg = config.pantheros;
in {
  options.pantheros.sudo.wheelNeedsPassword = lib.mkOption {
    type = lib.types.bool;
    default = true;
    description = "Ask members of wheel for their password.";
  };

  config.security.sudo = {
    enable = mkDefault true;
    wheelNeedsPassword = mkDefault cfg.sudo.wheelNeedsPassword;
    # Not only for wheel: the deploy user is outside wheel and may run the supervisor.
    execWheelOnly = mkDefault false;
    extraConfig = import ../../lib/sudo.nix {inherit (cfg) roles users;};
  };
}
