{modulesPath, ...}: {
  imports = ["${modulesPath}/profiles/qemu-guest.nix"];

  nixpkgs.hostPlatform = "aarch64-linux";
  system.stateVersion = "26.05";

  # No BIOS on this architecture.
  boot.loader.systemd-boot.enable = true;
}
