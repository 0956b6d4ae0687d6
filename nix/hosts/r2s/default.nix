{
  nixpkgs.hostPlatform = "aarch64-linux";
  system.stateVersion = "26.05";

  # U-Boot of the board reads this.
  boot.loader = {
    grub.enable = false;
    generic-extlinux-compatible.enable = true;
  };
}
