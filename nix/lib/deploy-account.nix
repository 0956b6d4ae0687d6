# What sshd and sudo allow the deploy account, as text. Pure.
{
  # Closures reach the Nix daemon's socket through the account's connection. sshd forwards no socket
  # unless TCP forwarding is allowed too (session.c, do_authenticated); a shell can do that anyway. All
  # lines after a Match belong to it, so this one is last and closes its block.
  sshd = user: ''
    Match User ${user}
      AllowStreamLocalForwarding local
      AllowTcpForwarding local
    Match all
  '';

  # The account may run the supervisor as root, without a password, and nothing else. Logging each
  # program that the supervisor runs would only slow it down, because it keeps its own record.
  sudo = {
    user,
    program,
  }: ''
    ${user} ALL=(root) NOPASSWD: ${program}
    Defaults:${user} !log_subcmds
  '';
}
