# Devices that people connect: Bluetooth, printers, scanners, disks.
{
  config,
  lib,
  ...
}: let
  inherit (lib) mkDefault mkOption types;
  desktop = config.pantheros.desktop;
  on = description:
    mkOption {
      type = types.bool;
      default = desktop.enable;
      defaultText = lib.literalMD "as `pantheros.desktop.enable`";
      inherit description;
    };
in {
  options.pantheros.desktop = {
    bluetooth.enable = on "Whether to use Bluetooth. Headsets show their battery; devices are paired in the shell.";
    printing.enable = on "Whether to print, on printers of the network without drivers of their own (IPP Everywhere).";
  };

  config = lib.mkMerge [
    (lib.mkIf desktop.bluetooth.enable {
      hardware.bluetooth = {
        enable = mkDefault true;
        powerOnBoot = mkDefault true;
        # The battery of devices. Source: bluez, src/main.conf.
        settings.General.Experimental = mkDefault true;
      };
    })
    (lib.mkIf desktop.printing.enable {
      services.printing.enable = mkDefault true;
      # Finds printers of the network. Names of other machines are pantheros.localDiscovery's.
      services.avahi = {
        enable = mkDefault true;
        nssmdns4 = mkDefault true;
        openFirewall = mkDefault false;
      };
    })
    (lib.mkIf desktop.enable {
      services.udisks2.enable = mkDefault true;
      services.gvfs.enable = mkDefault true;
    })
  ];
}
