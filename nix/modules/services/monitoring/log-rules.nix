# Alerts of Loki on what the journals say about security. Pure: the hosts that must be heard of -> groups of rules.
# A program's name is a label (lib/alloy.nix): a message does not contain it.
{hosts}: let
  # As sshd writes of those who have no key: an account that is none, a key or password that is wrong, a connection that
  # ends before anybody is let in. Source: auth.c, packet.c and monitor.c of OpenSSH.
  strangers = "Invalid user|Failed (publickey|password|none) for|maximum authentication attempts exceeded|authenticating user";
  # As sudo writes of what it refuses. Source: plugins/sudoers/logging.c and lib/eventlog of sudo.
  refusals = "NOT in sudoers|command not allowed|incorrect password attempt|NOT authorized on host";

  counted = program: pattern: "sum by (host) (count_over_time({program=\"${program}\"} |~ `${pattern}` [10m]))";
in [
  {
    name = "security";
    rules = [
      {
        alert = "SshGuessing";
        expr = "${counted "sshd" strangers} > 50";
        for = "10m";
        labels.severity = "warning";
        annotations = {
          summary = "{{ $labels.host }}: more than 50 failed SSH logins in ten minutes";
          action = "Is port 22 open to the world? See [deploy] sources; fail2ban-client status sshd.";
        };
      }
      {
        alert = "SudoRefused";
        expr = "${counted "sudo" refusals} > 0";
        for = "0m";
        labels.severity = "critical";
        annotations = {
          summary = "{{ $labels.host }}: sudo refused somebody";
          action = "journalctl -t sudo on the host: who, and what did they want to run?";
        };
      }
    ];
  }
  {
    name = "journals";
    # Without its journal a host raises none of the alerts above.
    rules =
      map (host: {
        alert = "JournalSilent";
        expr = "absent_over_time({host=\"${host}\"}[30m])";
        for = "10m";
        labels = {
          inherit host;
          severity = "warning";
        };
        annotations = {
          summary = "${host} sends no journal";
          action = "systemctl status alloy on the host; is Loki up?";
        };
      })
      hosts;
  }
]
