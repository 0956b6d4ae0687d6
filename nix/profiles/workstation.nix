# A machine with a desktop.
{lib, ...}: {
  pantheros = {
    desktop.enable = lib.mkDefault true;
    system.timeZone = lib.mkDefault "America/New_York";
    boot = {
      loader = lib.mkDefault "systemd-boot";
      touchFirmware = lib.mkDefault true;
      kernel = lib.mkDefault "latest";
      quiet = lib.mkDefault true;
    };
    localDiscovery.enable = lib.mkDefault true;
  };
}
