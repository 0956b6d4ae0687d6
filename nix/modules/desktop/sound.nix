# Sound, and the recording of screens: PipeWire, with the interfaces of ALSA and PulseAudio.
{
  config,
  lib,
  ...
}: let
  inherit (lib) mkDefault;
in {
  config = lib.mkIf config.pantheros.desktop.enable {
    # PipeWire asks it for realtime priority.
    security.rtkit.enable = mkDefault true;
    services.pipewire = {
      enable = mkDefault true;
      alsa.enable = mkDefault true;
      alsa.support32Bit = mkDefault config.pantheros.desktop.gaming.enable;
      pulse.enable = mkDefault true;
      wireplumber.enable = mkDefault true;
    };
  };
}
