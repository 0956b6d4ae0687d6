{modulesPath, ...}: {
  imports = ["${modulesPath}/virtualisation/qemu-vm.nix"];

  nixpkgs.hostPlatform = "x86_64-linux";
  system.stateVersion = "26.05";

  virtualisation = {
    graphics = false;
    memorySize = 2048;
  };
}
