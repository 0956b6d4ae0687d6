# nix build ./nix#iso: an installer with SSH access as root for the keys that may deploy.
{
  fleet,
  lib,
  modulesPath,
  ...
}: {
  imports = ["${modulesPath}/installer/cd-dvd/installation-cd-minimal.nix"];

  system.stateVersion = "26.05";

  pantheros = {
    boot.loader = "none";
    ssh = {
      rootLogin = "prohibit-password";
      persistentHostKey = false;
    };
    users = lib.mkForce {};
  };
  # nixos-anywhere logs in as root.
  services.openssh.settings.PermitRootLogin = lib.mkForce "prohibit-password";
  users.users.root.openssh.authorizedKeys.keys = fleet.deploy.authorizedKeys;
}
