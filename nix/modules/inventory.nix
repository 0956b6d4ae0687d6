# What the inventory says about deploys to this host: who, how long, and the health checks that are declared on
# the host and on the services that run there.
{
  fleet,
  host,
  lib,
  ...
}: {
  pantheros.deployment = {
    enable = lib.mkDefault (host.provider.kind != "image");
    inherit (fleet.deploy) user authorizedKeys probeKeys confirmSeconds healthSeconds healthPeriodSeconds;
    checks = host.health;
  };
}
