# nix run ./nix#dev-vm: a machine to try modules on. Its disk is a file in the current directory; root
# has no password.
{modulesPath, ...}: {
  imports = ["${modulesPath}/virtualisation/qemu-vm.nix"];

  system.stateVersion = "26.05";

  pantheros.boot.loader = "none";
  users.users.root.initialHashedPassword = "";
  services.getty.autologinUser = "root";

  virtualisation = {
    graphics = false;
    memorySize = 2048;
    forwardPorts = [
      {
        from = "host";
        host.port = 2222;
        guest.port = 22;
      }
    ];
  };
}
