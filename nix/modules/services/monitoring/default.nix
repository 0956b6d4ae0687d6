# What happens on the machines, and who hears of it. Every server runs one agent (Alloy) that sends metrics and journal
# to the monitor over ports the tailnet's policy opens for services already; nothing listens for a collector.
{
  imports = [
    ./agent.nix
    ./alertmanager.nix
    ./grafana.nix
    ./loki.nix
    ./netdata.nix
    ./prometheus.nix
    ./tempo.nix
  ];
}
