# Secrets in files of the repository, encrypted with age for the hosts that read them.
{
  config,
  lib,
  ...
}: let
  mine = lib.filterAttrs (_: secret: secret.backend == "agenix") config.pantheros.secrets;
in {
  config.age = lib.mkIf (mine != {}) {
    identityPaths = ["/etc/ssh/ssh_host_ed25519_key"];
    secrets = lib.mapAttrs (_: secret: {inherit (secret) file owner group mode;}) mine;
  };
}
