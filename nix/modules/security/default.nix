# Who may come in, and what they may do then.
{
  imports = [
    ./audit.nix
    ./fail2ban.nix
    ./firewall.nix
    ./kernel.nix
    ./ssh.nix
    ./sudo.nix
  ];
}
