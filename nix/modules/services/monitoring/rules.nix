# What wakes somebody. Pure: the hosts that must be heard of -> groups of rules.
# Every rule says how long it must hold, and what to do: `pantheros` and runbooks are in docs/operations.md.
{expected}: let
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
in [
  {
    name = "hosts";
    rules =
      map silent expected
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
    rules = [
      (alert {
        name = "ServiceDown";
        expr = "up == 0";
        for = "5m";
        severity = "critical";
        summary = "{{ $labels.job }} on {{ $labels.instance }} does not answer Prometheus";
        action = "Is its host up, its unit running, the tailnet's policy as it was?";
      })
      (alert {
        name = "NameDown";
        expr = "probe_success == 0";
        for = "5m";
        severity = "critical";
        summary = "{{ $labels.instance }} can't be reached from outside";
        action = "DNS, Cloudflare, Caddy on the gateway, then the service.";
      })
      (alert {
        name = "CertificateExpires";
        expr = "probe_ssl_earliest_cert_expiry - time() < 14 * 86400";
        for = "1h";
        summary = "{{ $labels.instance }}: the certificate ends within two weeks";
        action = "Journal of the acme units on the gateway; is the DNS token still good?";
      })
    ];
  }
  {
    name = "backups";
    rules = [
      (alert {
        name = "DumpOld";
        expr = "time() - pantheros_postgres_dump_success_seconds > 26 * 3600";
        for = "10m";
        severity = "critical";
        summary = "{{ $labels.host }}: no database dump for more than 26 hours";
        action = "systemctl status pantheros-postgres-dump, then systemctl start it.";
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
    ];
  }
  {
    # Figures of the fleet as a whole, from the alerts themselves.
    name = "figures";
    rules = [
      {
        record = "pantheros:incidents:30d";
        expr = "sum(increase(alertmanager_alerts_received_total{status=\"firing\"}[30d])) or vector(0)";
      }
      {
        record = "pantheros:firing_seconds:30d";
        expr = "sum(sum_over_time((sum(ALERTS{alertstate=\"firing\"}) or vector(0))[30d:1m])) * 60";
      }
      {
        record = "pantheros:availability:30d";
        expr = "avg_over_time((avg(probe_success) or vector(1))[30d:5m])";
      }
    ];
  }
]
