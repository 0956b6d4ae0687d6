# Queues that keep the line quick while it is full: CAKE on the way out of each side.
{
  config,
  lib,
  ...
}: let
  cfg = config.pantheros.router;
  cake = rate: lib.mkIf (rate != null) {Bandwidth = "${toString rate}M";};
in {
  config.systemd.network.networks = lib.mkIf cfg.enable {
    "10-wan".cakeConfig = cake cfg.shaping.upMbit;
    "20-lan".cakeConfig = cake cfg.shaping.downMbit;
  };
}
