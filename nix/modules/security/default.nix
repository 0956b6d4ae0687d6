# Access to the machine, and hardening.
{
  imports = [
    ./audit.nix
    ./fail2ban.nix
    ./firewall.nix
    ./hardware-keys.nix
    ./kernel.nix
    ./ssh-client.nix
    ./ssh.nix
    ./sudo.nix
  ];
}
