# Alert rules. Pure: what the monitor must receive (`expected` of lib/registry.nix), and the seconds
# between two evaluations -> groups of rules. Every rule says how long it must hold, and what to do.
# A comparison with a missing metric is never true, so for each metric a second rule checks that it exists.
{
  expected,
  interval,
}: let
  inherit (builtins) attrNames concatLists concatMap map;

  alert = {
    name,
    expr,
    for,
    severity ? "warning",
    labels ? {},
    summary,
    action,
  }: {
    alert = name;
    inherit expr for;
    labels = {inherit severity;} // labels;
    annotations = {inherit summary action;};
  };
  silent = host:
    alert {
      name = "HostSilent";
      labels = {inherit host;};
      expr = "absent(node_time_seconds{host=\"${host}\"})";
      for = "5m";
      severity = "critical";
      summary = "${host} sends no metrics";
      action = "Reach it by its public address; look at the vendor's console; then at alloy.service.";
    };
  # A metric that a host should have and does not have: it was never sent, or not for `for`.
  missing = {
    name,
    metric,
    for,
    severity ? "critical",
    summary,
    action,
  }: host:
    alert {
      inherit name for severity action;
      labels = {inherit host;};
      expr = "absent(${metric}{host=\"${host}\"})";
      summary = "${host}: ${summary}";
    };
  # Metrics of every host that the alerts below compare; their collectors can fail one by one.
  hostMetrics = [
    "node_filesystem_avail_bytes"
    "node_filesystem_size_bytes"
    "node_memory_MemAvailable_bytes"
    "node_memory_MemTotal_bytes"
    "node_systemd_unit_state"
    "node_timex_offset_seconds"
  ];
  unmeasured = host: metric:
    alert {
      name = "MetricMissing";
      labels = {inherit host metric;};
      expr = "absent(${metric}{host=\"${host}\"})";
      for = "10m";
      summary = "${host} sends no ${metric}, so alerts that need it can't fire";
      action = "journalctl -u alloy on the host: which collector fails?";
    };
  gatewayMissing = host:
    alert {
      name = "GatewayUnseen";
      labels = {inherit host;};
      expr = "absent(up{job=\"caddy\",host=\"${host}\"})";
      for = "10m";
      summary = "${host}: no metrics of Caddy are received";
      action = "systemctl status caddy alloy on the host.";
    };
  certificateMissing = host: name:
    alert {
      name = "CertificateUnseen";
      labels = {
        inherit host;
        instance = "https://${name}";
      };
      expr = "absent(probe_ssl_earliest_cert_expiry{job=\"certificate\",host=\"${host}\",instance=\"https://${name}\"})";
      for = "30m";
      summary = "${host}: the certificate of ${name} is not checked";
      action = "systemctl status caddy alloy on the host; journal of the acme units.";
    };
  nameUnseen = url:
    alert {
      name = "NameUnseen";
      labels.instance = url;
      expr = "absent(probe_success{job=\"probe\",instance=\"${url}\"})";
      for = "10m";
      summary = "${url} is not probed";
      action = "systemctl status prometheus-blackbox-exporter prometheus on the monitor.";
    };
in [
  {
    name = "hosts";
    rules =
      map silent expected.hosts
      ++ concatMap (host: map (unmeasured host) hostMetrics) expected.hosts
      ++ [
        (alert {
          name = "DiskAlmostFull";
          expr = "node_filesystem_avail_bytes{fstype!~\"tmpfs|ramfs|vfat\"} / node_filesystem_size_bytes < 0.10";
          for = "15m";
          summary = "{{ $labels.host }}: less than a tenth of {{ $labels.mountpoint }} is free";
          action = "nix-collect-garbage, journalctl --vacuum-size, then look for what grows.";
        })
        (alert {
          name = "MemoryAlmostFull";
          expr = "node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes < 0.08";
          for = "15m";
          summary = "{{ $labels.host }}: less than 8 % of memory is available";
          action = "systemd-cgtop -m on the host.";
        })
        (alert {
          name = "UnitFailed";
          expr = "node_systemd_unit_state{state=\"failed\"} == 1";
          for = "5m";
          summary = "{{ $labels.host }}: {{ $labels.name }} has failed";
          action = "systemctl status {{ $labels.name }} and its journal; if it came with a deploy, roll back.";
        })
        (alert {
          name = "ClockOff";
          expr = "abs(node_timex_offset_seconds) > 0.5";
          for = "10m";
          summary = "{{ $labels.host }}: the clock is off by {{ $value }} s";
          action = "timedatectl timesync-status; certificates and sign-on fail with a wrong clock.";
        })
      ];
  }
  {
    name = "services";
    rules =
      [
        (alert {
          name = "ServiceDown";
          # Probes have alerts of their own, which name the failed target.
          expr = "up == 0";
          for = "5m";
          severity = "critical";
          summary = "{{ $labels.job }} on {{ $labels.instance }} does not answer Prometheus";
          action = "Is its host up? Does its unit run? Has the tailnet's policy changed?";
        })
        (alert {
          name = "NameDown";
          expr = "probe_success == 0";
          for = "5m";
          severity = "critical";
          summary = "{{ $labels.instance }} can't be reached ({{ $labels.job }})";
          action = "Job probe connects from outside: check DNS, Cloudflare, Caddy, then the service. Job certificate connects to Caddy on its own host {{ $labels.host }}: Caddy, its certificate, the service.";
        })
        (alert {
          name = "CertificateExpires";
          expr = "probe_ssl_earliest_cert_expiry - time() < 14 * 86400";
          for = "1h";
          summary = "{{ $labels.instance }}: the certificate expires within two weeks ({{ $labels.job }})";
          action = "Journal of the acme units on the gateway; is the DNS token still valid?";
        })
      ]
      ++ map nameUnseen expected.probes
      ++ map gatewayMissing (attrNames expected.gateways)
      ++ concatMap (host: map (certificateMissing host) expected.gateways.${host}) (attrNames expected.gateways);
  }
  {
    name = "backups";
    rules =
      [
        (alert {
          name = "DumpOld";
          expr = "time() - pantheros_postgres_dump_success_seconds > 26 * 3600";
          for = "10m";
          severity = "critical";
          summary = "{{ $labels.host }}: no database dump for more than 26 hours";
          action = "systemctl status pantheros-postgres-dump, then systemctl start it.";
        })
        (alert {
          name = "ReplicaStopped";
          expr = "pantheros_postgres_replica_streaming < 1";
          for = "15m";
          summary = "{{ $labels.host }}: the replica receives no changes of its primary";
          action = "journalctl -u pantheros-postgresql-replica. After a promotion, remove the replica from the inventory.";
        })
        (alert {
          name = "BackupOld";
          expr = "time() - pantheros_backup_success_seconds > 26 * 3600";
          for = "10m";
          severity = "critical";
          summary = "{{ $labels.host }}: no backup for more than 26 hours";
          action = "systemctl status pantheros-backup, then systemctl start it.";
        })
        (alert {
          name = "BackupUnchecked";
          expr = "time() - pantheros_backup_check_success_seconds > 9 * 86400";
          for = "1h";
          summary = "{{ $labels.host }}: the backup was not checked for more than nine days";
          action = "systemctl status pantheros-backup-check.";
        })
      ]
      ++ concatLists [
        (map (missing {
            name = "DumpMissing";
            metric = "pantheros_postgres_dump_success_seconds";
            for = "26h";
            summary = "no database dump has ever succeeded, or its metrics are not received";
            action = "systemctl status pantheros-postgres-dump, then systemctl start it.";
          })
          expected.dumps)
        (map (missing {
            name = "ReplicaMissing";
            metric = "pantheros_postgres_replica_streaming";
            for = "1h";
            severity = "warning";
            summary = "the replica does not report whether it receives changes";
            action = "systemctl status pantheros-postgresql-replica-metrics.timer.";
          })
          expected.replicas)
        (map (missing {
            name = "BackupMissing";
            metric = "pantheros_backup_success_seconds";
            for = "26h";
            summary = "no backup has ever succeeded, or its metrics are not received";
            action = "systemctl status pantheros-backup, then systemctl start it.";
          })
          expected.backups)
        (map (missing {
            name = "BackupCheckMissing";
            metric = "pantheros_backup_check_success_seconds";
            for = "9d";
            severity = "warning";
            summary = "the backup was never checked";
            action = "systemctl status pantheros-backup-check.";
          })
          expected.backups)
      ];
  }
  {
    # The start of each firing alert: one value per firing, however often it is sent to Alertmanager.
    name = "firing";
    rules = [
      {
        record = "pantheros:firing_since";
        expr = "ALERTS_FOR_STATE and ignoring(alertstate) ALERTS{alertstate=\"firing\"}";
      }
    ];
  }
  {
    # Figures of the whole fleet, from the alerts themselves.
    name = "figures";
    interval = "5m";
    rules = [
      {
        record = "pantheros:incidents:30d";
        expr = "sum(changes(pantheros:firing_since[30d]) + 1) or vector(0)";
      }
      {
        record = "pantheros:firing_seconds:30d";
        expr = "sum(count_over_time(pantheros:firing_since[30d])) * ${toString interval} or vector(0)";
      }
      {
        # Over the probed names only: without any there is no value, which differs from 100 %.
        record = "pantheros:availability:30d";
        expr = "avg(avg_over_time(probe_success{job=\"probe\"}[30d]))";
      }
    ];
  }
]
