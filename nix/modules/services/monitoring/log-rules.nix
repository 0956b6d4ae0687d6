# Loki's alerts on security messages in the journals. Pure: the hosts that must send journals -> groups of rules.
# A program's name is a label (lib/alloy.nix), not part of the message.
{hosts}: let
  # sshd's messages about failed logins: an unknown account, a wrong key or password, a connection that
  # ends before authentication. Source: auth.c, packet.c and monitor.c of OpenSSH.
  failedLogins = "Invalid user|Failed (publickey|password|none) for|maximum authentication attempts exceeded|authenticating user";
  # sudo's messages about refusals. Source: plugins/sudoers/logging.c and lib/eventlog of sudo.
  refusals = "NOT in sudoers|command not allowed|incorrect password attempt|NOT authorized on host";

  counted = program: pattern: "sum by (host) (count_over_time({program=\"${program}\"} |~ `${pattern}` [10m]))";
in [
  {
    name = "security";
    rules = [
      {
        alert = "SshGuessing";
        expr = "${counted "sshd" failedLogins} > 50";
        for = "10m";
        labels.severity = "warning";
        annotations = {
          summary = "{{ $labels.host }}: more than 50 failed SSH logins in ten minutes";
          action = "Is sshd open to the world? See [deploy] sources; fail2ban-client status sshd.";
        };
      }
      {
        alert = "SudoRefused";
        expr = "${counted "sudo" refusals} > 0";
        for = "0m";
        labels.severity = "critical";
        annotations = {
          summary = "{{ $labels.host }}: sudo refused a command";
          action = "journalctl -t sudo on the host: which account, and which command?";
        };
      }
    ];
  }
  {
    name = "journals";
    # A host without a journal raises none of the alerts above.
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
