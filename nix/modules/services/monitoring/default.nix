# Monitoring and alerts. Every server runs one agent (Alloy), which sends metrics and journal to the monitor over
# ports that the tailnet's policy opens for services anyway; no server listens for a collector.
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
