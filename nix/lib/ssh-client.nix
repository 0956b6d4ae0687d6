# Settings of the SSH client: the fleet's hosts by their names. Pure; `programs.ssh.extraConfig` of machines that people
# work at. Source: ssh_config(5).
{
  # Name -> {address, port}.
  hosts,
  # Socket of an agent, or null.
  agent,
}: let
  inherit (builtins) attrNames concatStringsSep map toString;
  host = name: let
    inherit (hosts.${name}) address port;
  in ''
    Host ${name}
      HostName ${address}
      # The same key, whichever name leads to the host.
      HostKeyAlias ${name}
      Port ${toString port}
  '';
in
  concatStringsSep "" (map host (attrNames hosts))
  + ''
    Host *
      # A key that changed is refused; a new one is shown and asked about.
      StrictHostKeyChecking ask
      HashKnownHosts yes
      ServerAliveInterval 30
      # A host that answers could use the person's keys.
      ForwardAgent no
      ForwardX11 no
  ''
  + (
    if agent == null
    then ""
    else "  IdentityAgent ${agent}\n"
  )
