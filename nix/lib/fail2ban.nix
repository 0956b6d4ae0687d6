# The fail2ban jail for sshd. Pure; `services.fail2ban` of the machines.
{
  attempts,
  banTime,
  port,
  sources,
}: {
  # The tailnet's addresses, and the networks that deploys come from. Source: Tailscale, "IP pool".
  ignored = ["100.64.0.0/10" "fd7a:115c:a1e0::/48"] ++ sources;
  sshd = {
    enabled = true;
    filter = "sshd[mode=aggressive]";
    port = toString port;
    maxretry = attempts;
    bantime = banTime;
  };
}
