# The host's disk: partitions and mount classes, by the rules of lib/storage.nix.
{
  config,
  lib,
  pkgs,
  ...
}: let
  inherit (lib) mkDefault mkIf mkOption types;
  cfg = config.pantheros.storage;
  storage = import ../../lib/storage.nix;

  class = types.submodule {
    options = {
      mount = mkOption {
        type = types.strMatching "[/~].*";
        description = "Mount point; `~` is the home of `workspaceOwner`.";
      };
      options = mkOption {
        type = types.listOf types.str;
        default = [];
        description = "Mount options. They take effect, because each class is a file system of its own.";
      };
      size = mkOption {
        type = types.str;
        default = "10%VG";
        example = "40G";
        description = "Size of its volume: `40G`, `20%VG` of the disk, or `100%FREE` for the rest. With ZFS the classes share one pool.";
      };
      reason = mkOption {
        type = types.str;
        default = "";
        description = "Reason for these options.";
      };
    };
  };

  onDisk = lib.elem cfg.layout ["btrfs-classes" "luks-btrfs" "zfs"];
  volumes = lib.elem cfg.layout ["btrfs-classes" "luks-btrfs"];
  home =
    if cfg.workspaceOwner == null
    then null
    # Not read from the account, which depends on the machine's disk: that would be a cycle.
    else "/home/${cfg.workspaceOwner}";
  # Without a developer there is no workspace.
  wanted = lib.filterAttrs (_: entry: home != null || !lib.hasPrefix "~" entry.mount) cfg.classes;
  classes = lib.mapAttrs (_: storage.absolute (lib.defaultTo "/" home)) wanted;
  mounts = lib.mapAttrsToList (_: entry: entry.mount) (removeAttrs classes ["root"]);
  workspace = lib.findFirst (entry: lib.hasPrefix "~" entry.mount) null (lib.attrValues wanted);
in {
  imports = [./check.nix ./maintenance.nix];

  options.pantheros.storage = {
    layout = mkOption {
      type = types.enum ["btrfs-classes" "luks-btrfs" "zfs" "sdcard" "none"];
      default = (import ../../lib/defaults.nix).hosts.storage.layout;
      description = ''
        `btrfs-classes`: a volume with its own btrfs for each mount class. `luks-btrfs`: the same, encrypted.
        `zfs`: a dataset for each. `sdcard`: the ext4 of a board's image. `none`: not configured by this module.
      '';
    };
    disk = mkOption {
      type = types.nullOr (types.strMatching "/dev/.*");
      default = null;
      description = "Disk that an installation formats.";
    };
    classes = mkOption {
      type = types.attrsOf class;
      default = {};
      description = "Mount classes by name. `root` holds `/`, `/home` and `/var`; only its size is used.";
    };
    workspaceOwner = mkOption {
      type = types.nullOr types.str;
      default = null;
      description = "Account with the workspace in its home (`~` in a class). When null, such classes are left out.";
    };
    effective = mkOption {
      type = types.listOf types.raw;
      readOnly = true;
      internal = true;
      default = map storage.expected (lib.attrValues (removeAttrs classes ["root"]));
      description = "Mount options to verify.";
    };
  };

  config = lib.mkMerge [
    {
      assertions = [
        {
          assertion = onDisk -> cfg.disk != null;
          message = "pantheros.storage.layout = \"${cfg.layout}\" needs a disk: set storage.disk of the host in fleet.toml";
        }
        {
          assertion = lib.allUnique mounts;
          message = "pantheros.storage.classes: two classes have the same mount point; give each its own: ${toString mounts}";
        }
        {
          assertion = lib.length (lib.filter (entry: lib.hasSuffix "%FREE" entry.size) (lib.attrValues classes)) <= 1 || !volumes;
          message = "pantheros.storage.classes: only one class can have a size in %FREE; give the others a fixed size";
        }
      ];
    }
    (mkIf (onDisk && cfg.disk != null) {
      disko.devices = storage.devices {
        inherit (cfg) layout disk;
        inherit classes;
      };
      # Mounted early, so that the journals of a crash are readable.
      fileSystems = lib.genAttrs (["/var"] ++ lib.intersectLists ["/var/log"] mounts) (_: {neededForBoot = true;});
      systemd.tmpfiles.rules = lib.optional (workspace != null) "d ${lib.replaceStrings ["~"] [home] workspace.mount} 0750 ${cfg.workspaceOwner} users -";
      pantheros.environment.workspace = mkIf (workspace != null) (mkDefault (lib.replaceStrings ["~"] [home] workspace.mount));
    })
    (mkIf volumes {
      boot.initrd.services.lvm.enable = true;
      services.btrfs.autoScrub = {
        enable = mkDefault true;
        interval = mkDefault "monthly";
        fileSystems = ["/"] ++ mounts;
      };
    })
    (mkIf (cfg.layout == "zfs") {
      boot.supportedFilesystems.zfs = true;
      boot.zfs.forceImportRoot = mkDefault false;
      # A pool records the machine that uses it. Any number is fine if it never changes.
      networking.hostId = mkDefault (builtins.substring 0 8 (builtins.hashString "sha256" config.networking.hostName));
      services.zfs.autoScrub.enable = mkDefault true;
      services.zfs.trim.enable = mkDefault true;
    })
    (mkIf (cfg.layout == "sdcard") {
      fileSystems."/" = {
        device = mkDefault "/dev/disk/by-label/NIXOS_SD";
        fsType = mkDefault "ext4";
        options = ["noatime"];
      };
    })
    (mkIf (cfg.layout != "none") {
      services.fstrim.enable = mkDefault (cfg.layout != "zfs");
      zramSwap.enable = mkDefault true;
    })
    {environment.systemPackages = lib.optional volumes pkgs.btrfs-progs;}
  ];
}
