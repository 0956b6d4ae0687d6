# Dashboards as data: file name -> Grafana's JSON. One page each; a panel is a title, a unit and its
# queries. `cacheName` is the public name of the binary cache.
{cacheName}: let
  width = 8;
  height = 7;
  panel = index: {
    title,
    unit ? "short",
    queries,
    kind ? "timeseries",
    source ? "prometheus",
  }: {
    inherit title;
    id = index + 1;
    type = kind;
    datasource = {
      type = source;
      uid = source;
    };
    gridPos = {
      x = (index - (index / 3) * 3) * width;
      y = (index / 3) * height;
      w = width;
      h = height;
    };
    fieldConfig = {
      defaults = {inherit unit;};
      overrides = [];
    };
    targets =
      builtins.genList (i: {
        refId = builtins.substring i 1 "ABCDEFGH";
        expr = (builtins.elemAt queries i).expr;
        legendFormat = (builtins.elemAt queries i).legend or "{{host}}";
      })
      (builtins.length queries);
  };
  dashboard = uid: title: panels: {
    inherit uid title;
    schemaVersion = 39;
    version = 1;
    editable = false;
    refresh = "1m";
    time = {
      from = "now-24h";
      to = "now";
    };
    tags = ["pantheros"];
    panels = builtins.genList (i: panel i (builtins.elemAt panels i)) (builtins.length panels);
  };
  one = expr: [{inherit expr;}];
  stat = statFrom "prometheus";
  statFrom = source: title: unit: expr: {
    inherit source title unit;
    kind = "stat";
    queries = [
      {
        inherit expr;
        legend = "";
      }
    ];
  };
  # From Caddy's access log, because its metrics have no label for the name (lib/caddy.nix). A path that
  # the cache lacks has status 404. Fields with the name of an existing label would replace it.
  cacheAnswers = status: "sum(count_over_time({unit=\"caddy.service\"} |= `handled request` | json asked=\"request.host\", verb=\"request.method\", answer=\"status\" | asked=`${cacheName}` | verb=`GET` | answer=~`${status}` [24h]))";
in {
  # All figures of the architecture document that are measured, on one page.
  overview = dashboard "pantheros-overview" "Overview" [
    {
      title = "CPU";
      unit = "percentunit";
      queries = one "1 - avg by (host) (rate(node_cpu_seconds_total{mode=\"idle\"}[5m]))";
    }
    {
      title = "Memory";
      unit = "percentunit";
      queries = one "1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes";
    }
    {
      title = "Disk I/O";
      unit = "Bps";
      queries = [
        {
          expr = "sum by (host) (rate(node_disk_read_bytes_total[5m]))";
          legend = "{{host}} read";
        }
        {
          expr = "sum by (host) (rate(node_disk_written_bytes_total[5m]))";
          legend = "{{host}} written";
        }
      ];
    }
    {
      title = "Network";
      unit = "Bps";
      queries = [
        {
          expr = "sum by (host) (rate(node_network_receive_bytes_total{device!=\"lo\"}[5m]))";
          legend = "{{host}} in";
        }
        {
          expr = "sum by (host) (rate(node_network_transmit_bytes_total{device!=\"lo\"}[5m]))";
          legend = "{{host}} out";
        }
      ];
    }
    (statFrom "loki" "Cache hit rate, 24 hours" "percentunit" "${cacheAnswers "200"} / ${cacheAnswers "200|404"}")
    (stat "Uptime of public names, 30 days" "percentunit" "pantheros:availability:30d")
    (stat "Incidents, 30 days" "short" "pantheros:incidents:30d")
    (stat "Mean time to recovery, 30 days" "s" "pantheros:firing_seconds:30d / clamp_min(pantheros:incidents:30d, 1)")
    {
      title = "Firing alerts";
      queries = [
        {
          expr = "sum by (alertname) (ALERTS{alertstate=\"firing\"})";
          legend = "{{alertname}}";
        }
      ];
    }
  ];

  hosts = dashboard "pantheros-hosts" "Hosts" [
    {
      title = "Load per CPU";
      queries = one "node_load5 / count by (host, instance, job) (node_cpu_seconds_total{mode=\"idle\"})";
    }
    {
      title = "Free disk";
      unit = "percentunit";
      queries = [
        {
          expr = "node_filesystem_avail_bytes{fstype!~\"tmpfs|ramfs\"} / node_filesystem_size_bytes";
          legend = "{{host}} {{mountpoint}}";
        }
      ];
    }
    {
      title = "Up since";
      unit = "s";
      queries = one "time() - node_boot_time_seconds";
    }
    {
      title = "Failed units";
      queries = one "sum by (host) (node_systemd_unit_state{state=\"failed\"})";
    }
    {
      title = "Age of the last database dump";
      unit = "s";
      queries = one "time() - pantheros_postgres_dump_success_seconds";
    }
    {
      title = "Age of the last backup";
      unit = "s";
      queries = one "time() - pantheros_backup_success_seconds";
    }
  ];

  services = dashboard "pantheros-services" "Services" [
    {
      title = "Responds to Prometheus";
      queries = [
        {
          expr = "up";
          legend = "{{job}} {{instance}}";
        }
      ];
    }
    {
      title = "Public names";
      queries = [
        {
          expr = "probe_success{job=\"probe\"}";
          legend = "{{instance}}";
        }
      ];
    }
    {
      title = "Response time of public names";
      unit = "s";
      queries = [
        {
          expr = "probe_duration_seconds{job=\"probe\"}";
          legend = "{{instance}}";
        }
      ];
    }
    {
      title = "Requests at the gateways";
      unit = "reqps";
      queries = [
        {
          expr = "sum by (host, code) (rate(caddy_http_request_duration_seconds_count[5m]))";
          legend = "{{host}} {{code}}";
        }
      ];
    }
    {
      title = "Certificates expire in";
      unit = "s";
      queries = [
        {
          expr = "probe_ssl_earliest_cert_expiry - time()";
          legend = "{{instance}} {{job}}";
        }
      ];
    }
  ];

  logs = dashboard "pantheros-logs" "Logs" [
    {
      title = "Errors";
      kind = "logs";
      source = "loki";
      queries = one "{level=~\"error|crit|alert|emerg\"}";
    }
    {
      title = "SSH and sudo";
      kind = "logs";
      source = "loki";
      queries = one "{program=~\"sshd|su|sudo\"}";
    }
    {
      title = "Deploys";
      kind = "logs";
      source = "loki";
      queries = one "{unit=~\"pantheros-.*\"}";
    }
  ];
}
