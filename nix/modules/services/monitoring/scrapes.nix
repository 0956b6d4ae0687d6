# What Prometheus asks itself: the services of the registry, and every public name through the exporter at `blackbox`. Pure.
{
  blackbox,
  probes,
  scrapes,
}: let
  scrape = entry: {
    job_name = entry.job;
    metrics_path = entry.path;
    # What answers with more has labels that somebody else fills; it is refused, and so reported as down.
    sample_limit = 100000;
    inherit (entry) params;
    # The parent speaks for many hosts: their names are its labels.
    honor_labels = entry.job == "netdata";
    static_configs = [{targets = [entry.target];}];
  };
  # The exporter is asked, about the target (prometheus.io, "Multi-target exporter pattern").
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
