{modulesPath, ...}: {
  imports = ["${modulesPath}/profiles/qemu-guest.nix"];

  nixpkgs.hostPlatform = "x86_64-linux";
  system.stateVersion = "26.05";
}
