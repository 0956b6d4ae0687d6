# Checks once a day that mounts have the inventory's options; fstab alone does not prove that.
{
  config,
  lib,
  pkgs,
  ...
}: let
  cfg = config.pantheros.storage;
  hardening = import ../../lib/hardening.nix;

  rule = mount: lib.concatStringsSep "|" [mount.mount (toString mount.present) (toString mount.absent)];
  rules = pkgs.writeText "pantheros-mounts" (lib.concatMapStrings (mount: rule mount + "\n") cfg.effective);
in {
  config = lib.mkIf (lib.elem cfg.layout ["btrfs-classes" "luks-btrfs"]) {
    systemd.services.pantheros-mounts = {
      description = "Check that mounts have the inventory's options";
      path = [pkgs.util-linux];
      startAt = "daily";
      serviceConfig =
        hardening.serviceConfig
        // {
          Type = "oneshot";
          ExecStart = "${pkgs.runtimeShell} ${./check.sh} ${rules}";
          # It reads mounts below /home.
          ProtectHome = "read-only";
        };
    };
  };
}
