{
  system.stateVersion = "26.05";

  # The board's U-Boot reads this.
  pantheros.boot.loader = "extlinux";
}
