{
  system.stateVersion = "26.05";

  # U-Boot of the board reads this.
  pantheros.boot.loader = "extlinux";
}
