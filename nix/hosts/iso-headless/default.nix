{
  lib,
  modulesPath,
  ...
}: {
  imports = ["${modulesPath}/installer/cd-dvd/installation-cd-minimal.nix"];

  nixpkgs.hostPlatform = "x86_64-linux";
  system.stateVersion = "26.05";

  # The installer is reached as root, with the keys its owner bakes in.
  services.openssh.settings.PermitRootLogin = lib.mkForce "prohibit-password";
}
