# A machine that routes between a local network and the internet, by `[hosts.NAME.router]` of the inventory.
{
  config,
  lib,
  ...
}: {
  pantheros.localDiscovery.interfaces = lib.mkDefault [config.pantheros.router.lan.interface];

  assertions = [
    {
      assertion = config.pantheros.router.enable;
      message = "the profile router needs [hosts.${config.networking.hostName}.router] in fleet.toml: set wan and lan there";
    }
  ];
}
