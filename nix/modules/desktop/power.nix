# Battery, suspend and firmware of a laptop. logind suspends when the lid closes.
{
  config,
  lib,
  ...
}: let
  inherit (lib) mkDefault;
in {
  config = lib.mkIf config.pantheros.desktop.enable {
    services.upower = {
      enable = mkDefault true;
      # At the last percents, before the battery is empty and work is lost.
      criticalPowerAction = mkDefault "PowerOff";
    };
    # Profiles that the shell shows. TLP would set the same values.
    services.power-profiles-daemon.enable = mkDefault true;
    services.thermald.enable = mkDefault (config.pantheros.hardware.cpu == "intel");
    services.fwupd.enable = mkDefault true;

    assertions = [
      {
        assertion = !(config.services.tlp.enable && config.services.power-profiles-daemon.enable);
        message = "services.tlp and services.power-profiles-daemon both set the processor's profile: turn one of them off";
      }
    ];
  };
}
