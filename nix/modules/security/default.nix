# Access to the machine, and hardening.
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
