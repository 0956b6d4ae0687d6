# Grafana Alloy's configuration on each server, as text. Pure.
# Each combination of labels is a stream of its own in Loki, so there are few labels, with values from
# fixed lists: a name that a client, a session or a container chooses never becomes one.
let
  inherit (builtins) attrNames concatStringsSep toJSON;
  quoted = toJSON;
  lines = concatStringsSep "\n";

  # Rules for the journal, in order: a rule that matches overwrites the label of an earlier one. Source:
  # Alloy, loki.relabel; the fields are those of systemd.journal-fields(7).
  journalRules = [
    # Services by name. Short-lived units (sessions, containers, user managers) have no label of their own.
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
    # Transient units: systemd-run gives them a number or a random id as a name, Podman's health checks the id of
    # the container, and D-Bus the number of a connection.
    {
      source = "__journal__systemd_unit";
      regex = "run-.*\\.service";
      target = "unit";
      replacement = "run.service";
    }
    {
      source = "__journal__systemd_unit";
      regex = "[0-9a-f]{64}.*\\.service";
      target = "unit";
      replacement = "container.service";
    }
    {
      source = "__journal__systemd_unit";
      regex = "dbus-:.*\\.service";
      target = "unit";
      replacement = "dbus.service";
    }
    # sudo runs in its user's session, and sshd as processes of several names; alerts select by these.
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

  # The systemd collector's own list, plus units that come and go with connections, crashes, commands and containers.
  excludedUnits = ".+\\.(automount|device|mount|scope|slice)|(run-|dbus-:|[0-9a-f]{64}).+|(sshd|systemd-coredump|user|user-runtime-dir)@.+";
  # A container's interface has a random name, and its mounts have its id. Without these, each start of a container
  # would create new series. The arp collector has labels of interfaces and no list of its own.
  excludedInterfaces = "^(veth|br-).*$";
  excludedMounts = "^/(dev|proc|sys|run/(credentials|user|containers|netns)/.+|var/lib/(containers|docker)/.+|home/[^/]+/\\.local/share/containers/.+)($|/)";

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
      enable_collectors  = ["systemd", "processes"]
      disable_collectors = ["arp"]
      textfile {
        directory = ${quoted textfiles}
      }
      systemd {
        unit_exclude = ${quoted excludedUnits}
      }
      netclass {
        ignored_devices = ${quoted excludedInterfaces}
      }
      netdev {
        device_exclude = ${quoted excludedInterfaces}
      }
      filesystem {
        mount_points_exclude = ${quoted excludedMounts}
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

  # Checked from the host itself: a proxy in between shows its own certificate, so the one that Caddy
  # must renew is visible only here.
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
  # The chain is verified, so a self-signed certificate of Caddy's is a failure.
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
  inherit certificateModules excludedInterfaces excludedMounts excludedUnits journalRules;

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
