# What sshd and sudo allow the account that deploys, as text. Pure.
{
  # Closures come to the Nix daemon's socket through the account's connection. sshd forwards none without leave for TCP
  # (session.c, do_authenticated), which a shell has anyway. What follows a Match belongs to it: this one stands last, and ends.
  sshd = user: ''
    Match User ${user}
      AllowStreamLocalForwarding local
      AllowTcpForwarding local
    Match all
  '';

  # It may run the supervisor as root, without a password, and nothing else. Tracing each program that the supervisor runs
  # would slow it and tell nothing: it keeps a record of its own.
  sudo = {
    user,
    program,
  }: ''
    ${user} ALL=(root) NOPASSWD: ${program}
    Defaults:${user} !log_subcmds
  '';
}
