# Prometheus' scrapes: the services of the registry, and every public name through the exporter at `blackbox`. Pure.
{
  blackbox,
  probes,
  scrapes,
}: let
  scrape = entry: {
    job_name = entry.job;
    metrics_path = entry.path;
    # A target with more samples has labels that clients choose. The scrape is refused, so the target is
    # reported as down.
    sample_limit = 100000;
    metric_relabel_configs = [
      {
        # Blocky's only metric with a label from a client, which may choose it (`/dns-query/NAME`, server/server.go).
        # `blocky_response_total` counts the same queries.
        action = "drop";
        source_labels = ["__name__"];
        regex = "blocky_query_total";
      }
    ];
    inherit (entry) params;
    # The parent reports for many hosts: their names are labels.
    honor_labels = entry.job == "netdata";
    static_configs = [{targets = [entry.target];}];
  };
  # The exporter is scraped with the target as a parameter (prometheus.io, "Multi-target exporter pattern").
  probe = {
    job_name = "probe";
    metrics_path = "/probe";
    params.module = ["https"];
    static_configs = [{targets = probes;}];
    relabel_configs = [
      {
        source_labels = ["__address__"];
        target_label = "__param_target";
      }
      {
        source_labels = ["__param_target"];
        target_label = "instance";
      }
      {
        target_label = "__address__";
        replacement = blackbox;
      }
    ];
  };
in
  map scrape scrapes
  ++ (
    if probes == []
    then []
    else [probe]
  )
