# Listener of the control centre -> its socket. The modules of the service and of the registry read this.
{
  proxy = "/run/pantheros-centre-proxy.sock";
  tailscale = "/run/pantheros-centre-tailscale.sock";
}
