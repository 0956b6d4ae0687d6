# Secrets in files of the repository, encrypted with sops for the host's own key: for hosts that must
# start without 1Password, such as the router.
{
  config,
  lib,
  ...
}: let
  mine = lib.filterAttrs (_: secret: secret.backend == "sops") config.pantheros.secrets;
in {
  config.sops = lib.mkIf (mine != {}) {
    age.sshKeyPaths = ["/etc/ssh/ssh_host_ed25519_key"];
    # Only Ed25519 host keys.
    gnupg.sshKeyPaths = [];
    secrets =
      lib.mapAttrs (_: secret: {
        inherit (secret) key owner group mode;
        sopsFile = secret.file;
        restartUnits = map (import ../../lib/secrets.nix).unitName secret.services;
      })
      mine;
  };
}
