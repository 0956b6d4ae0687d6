# What Grafana Alloy reads on each server, as text. Pure.
# A label of a log is a stream of its own in Loki, so labels are few and from lists of ours: a name that a stranger, a
# session or a container brings along makes none.
let
  inherit (builtins) attrNames concatStringsSep toJSON;
  quoted = toJSON;
  lines = concatStringsSep "\n";

  # Rules for the journal, in order: one that matches overwrites an earlier one's label, one that does not changes nothing.
  # Source: Alloy, loki.relabel; fields are those of systemd.journal-fields(7).
  journalRules = [
    # Services by their names. What is made for a while (sessions, containers, user managers) has no label of its own.
    {
      source = "__journal__systemd_unit";
      regex = "([^@]+\\.service)";
      target = "unit";
      replacement = "$1";
    }
    {
      source = "__journal__systemd_unit";
      regex = "([^@]+)@.*\\.service";
      target = "unit";
      replacement = "$1@.service";
    }
    # Transient ones: systemd-run names them by a number or a random id.
    {
      source = "__journal__systemd_unit";
      regex = "run-.*\\.service";
      target = "unit";
      replacement = "run.service";
    }
    # sudo runs within its user's session, and sshd in processes of several names; alerts ask for these.
    {
      source = "__journal_syslog_identifier";
      regex = "(sudo|su|sshd)(-session|-auth)?";
      target = "program";
      replacement = "$1";
    }
    {
      source = "__journal_priority_keyword";
      regex = "(emerg|alert|crit|error|warning|notice|info|debug)";
      target = "level";
      replacement = "$1";
    }
  ];
  journalRule = rule: ''
    rule {
      source_labels = [${quoted rule.source}]
      regex         = ${quoted rule.regex}
      target_label  = ${quoted rule.target}
      replacement   = ${quoted rule.replacement}
    }'';

  # The systemd collector's own list, and units that come and go with connections, crashes and commands.
  unitsUnseen = ".+\\.(automount|device|mount|scope|slice)|run-.+|(sshd|systemd-coredump|user|user-runtime-dir)@.+";

  metrics = {
    host,
    prometheus,
    textfiles,
    ...
  }: ''
    prometheus.remote_write "monitor" {
      endpoint {
        url = ${quoted "http://${prometheus}/api/v1/write"}
      }
      external_labels = { host = ${quoted host} }
    }

    prometheus.exporter.unix "host" {
      enable_collectors = ["systemd", "processes"]
      textfile {
        directory = ${quoted textfiles}
      }
      systemd {
        unit_exclude = ${quoted unitsUnseen}
      }
    }

    prometheus.scrape "host" {
      targets         = prometheus.exporter.unix.host.targets
      scrape_interval = "30s"
      forward_to      = [prometheus.remote_write.monitor.receiver]
    }
  '';

  scrape = host: name: address: ''
    prometheus.scrape ${quoted name} {
      targets         = [{ __address__ = ${quoted address}, job = ${quoted name}, instance = ${quoted host} }]
      scrape_interval = "30s"
      sample_limit    = 20000
      forward_to      = [prometheus.remote_write.monitor.receiver]
    }
  '';

  # From the host itself, past any proxy: a proxy shows the world a certificate of its own, and the one that Caddy must
  # renew is seen here only.
  certificates = names: ''
    prometheus.exporter.blackbox "certificate" {
      config = ${quoted (toJSON {modules = certificateModules names;})}
    ${lines (map (name: ''
      target {
        name    = ${quoted name}
        address = "127.0.0.1:443"
        module  = ${quoted name}
        labels  = { certificate = ${quoted "https://${name}"} }
      }'')
    names)}
    }

    discovery.relabel "certificate" {
      targets = prometheus.exporter.blackbox.certificate.targets
      rule {
        source_labels = ["certificate"]
        target_label  = "instance"
      }
      rule {
        target_label = "job"
        replacement  = "certificate"
      }
      rule {
        regex  = "certificate"
        action = "labeldrop"
      }
    }

    prometheus.scrape "certificate" {
      targets         = discovery.relabel.certificate.output
      scrape_interval = "60s"
      forward_to      = [prometheus.remote_write.monitor.receiver]
    }
  '';
  # The chain is verified, so a certificate of Caddy's own making is a failure.
  certificateModules = names:
    builtins.listToAttrs (map (name: {
        inherit name;
        value = {
          prober = "tcp";
          timeout = "10s";
          tcp = {
            tls = true;
            tls_config.server_name = name;
          };
        };
      })
      names);

  logs = {
    host,
    loki,
    ...
  }: ''
    loki.write "monitor" {
      endpoint {
        url = ${quoted "http://${loki}/loki/api/v1/push"}
      }
    }

    loki.relabel "journal" {
      forward_to = []
    ${lines (map journalRule journalRules)}
    }

    loki.source.journal "journal" {
      max_age       = "12h"
      labels        = { host = ${quoted host} }
      relabel_rules = loki.relabel.journal.rules
      forward_to    = [loki.write.monitor.receiver]
    }
  '';
in {
  inherit certificateModules journalRules;

  # `host`: its name. `prometheus`, `loki`: HOST:PORT, or null. `textfiles`: directory of files NAME.prom. `scrapes`: name ->
  # address on loopback. `names`: public names that are served here.
  config = agent:
    lines (
      (
        if agent.prometheus == null
        then []
        else
          [(metrics agent)]
          ++ map (name: scrape agent.host name agent.scrapes.${name}) (attrNames agent.scrapes)
          ++ (
            if agent.names == []
            then []
            else [(certificates agent.names)]
          )
      )
      ++ (
        if agent.loki == null
        then []
        else [(logs agent)]
      )
    );
}
