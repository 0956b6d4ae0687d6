# Settings of sshd: keys only, no root, modern ciphers. Pure; `services.openssh.settings` of the machines.
{
  allowForwarding,
  rootLogin,
}: {
  PasswordAuthentication = false;
  KbdInteractiveAuthentication = false;
  PermitRootLogin = rootLogin;
  X11Forwarding = false;
  AllowTcpForwarding = allowForwarding;
  AllowStreamLocalForwarding = allowForwarding;
  AllowAgentForwarding = false;
  GatewayPorts = "no";
  ClientAliveInterval = 300;
  ClientAliveCountMax = 2;
  MaxAuthTries = 3;
  MaxSessions = 3;
  LoginGraceTime = 30;
  # The two post-quantum exchanges first. Source: ssh -Q kex of OpenSSH 10.
  KexAlgorithms = [
    "mlkem768x25519-sha256"
    "sntrup761x25519-sha512@openssh.com"
    "curve25519-sha256"
    "curve25519-sha256@libssh.org"
  ];
  Ciphers = [
    "chacha20-poly1305@openssh.com"
    "aes256-gcm@openssh.com"
    "aes128-gcm@openssh.com"
  ];
  Macs = [
    "hmac-sha2-512-etm@openssh.com"
    "hmac-sha2-256-etm@openssh.com"
    "umac-128-etm@openssh.com"
  ];
}
