# Looks once a day whether the mounts have the options that the inventory says; what stands in fstab proves nothing.
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
      description = "Mount options are those of the inventory";
      path = [pkgs.util-linux];
      startAt = "daily";
      serviceConfig =
        hardening.serviceConfig
        // {
          Type = "oneshot";
          ExecStart = "${pkgs.runtimeShell} ${./check.sh} ${rules}";
          # It looks at mounts below /home.
          ProtectHome = "read-only";
        };
    };
  };
}
