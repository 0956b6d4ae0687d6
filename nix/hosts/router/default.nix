{
  nixpkgs.hostPlatform = "x86_64-linux";
  system.stateVersion = "26.05";

  hardware.enableRedistributableFirmware = true;
}
