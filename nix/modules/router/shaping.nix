# CAKE queues on both interfaces keep latency low while the connection is saturated.
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
