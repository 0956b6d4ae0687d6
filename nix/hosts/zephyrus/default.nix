{inputs, ...}: {
  imports = [
    inputs.nixos-hardware.nixosModules.common-pc-laptop
    inputs.nixos-hardware.nixosModules.common-pc-laptop-ssd
  ];

  pantheros.desktop = {
    outputs."eDP-1".scale = 1.5;
    gaming.enable = true;
  };
  system.stateVersion = "26.05";
}
