{
  system.stateVersion = "26.05";

  pantheros.localDiscovery.enable = true;
}
