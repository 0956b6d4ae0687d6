# Mount classes -> a disk layout, and the mount options to verify. Pure.
# Options such as `nodatacow` and `compress` apply to a whole btrfs (btrfs(5): only those of the first mounted
# subvolume take effect), so each class is a file system of its own: a logical volume, or a ZFS dataset.
let
  inherit (builtins) attrNames elem filter head listToAttrs map match replaceStrings;

  startsWith = prefix: text: builtins.substring 0 (builtins.stringLength prefix) text == prefix;
  compression = options: let
    found = filter (startsWith "compress=") options;
  in
    if found == []
    then null
    else builtins.substring 9 (-1) (head found);

  # Options in the output of `findmnt`: those that must be present, and those that must be absent.
  expected = class: let
    algorithm = compression class.options;
  in {
    inherit (class) mount;
    present = filter (option: option != "compress=none") class.options;
    absent =
      (
        if elem "nodatacow" class.options
        then []
        else ["nodatacow"]
      )
      ++ (
        if algorithm == null || algorithm == "none"
        then ["compress"]
        else []
      );
  };

  # The same as dataset properties. ZFS always copies on write, so `nodatacow` only turns compression off.
  zfsOptions = class: let
    algorithm = compression class.options;
    level = match "zstd:([0-9]+)" algorithm;
  in {
    mountpoint = "legacy";
    atime =
      if elem "noatime" class.options
      then "off"
      else "on";
    compression =
      if algorithm == null || algorithm == "none"
      then "off"
      else if level != null
      then "zstd-${head level}"
      else algorithm;
  };

  ofClasses = classes: make:
    listToAttrs (map (name: {
      inherit name;
      value = make classes.${name};
    }) (attrNames classes));

  boot = {
    bios = {
      size = "1M";
      type = "EF02";
    };
    ESP = {
      size = "1G";
      type = "EF00";
      content = {
        type = "filesystem";
        format = "vfat";
        mountpoint = "/boot";
        mountOptions = ["umask=0077"];
      };
    };
  };

  gpt = disk: name: content: {
    disk.main = {
      type = "disk";
      device = disk;
      content = {
        type = "gpt";
        partitions =
          boot
          // {
            ${name} = {
              size = "100%";
              inherit content;
            };
          };
      };
    };
  };

  rootOptions = ["noatime" "compress=zstd:1"];

  # File systems of the first boot stage wait for a passphrase without a limit, instead of systemd's 90
  # seconds; those that are mounted later keep the limit. Source: release notes of NixOS 26.05.
  deviceTimeout = encrypted: mount:
    if encrypted && elem mount ["/" "/nix" "/var" "/var/log"]
    then ["x-systemd.device-timeout=infinity"]
    else [];

  volumes = encrypted: classes:
    ofClasses (removeAttrs classes ["root"]) (class: {
      inherit (class) size;
      content = {
        type = "btrfs";
        extraArgs = ["-f"];
        mountpoint = class.mount;
        mountOptions = class.options ++ deviceTimeout encrypted class.mount;
      };
    })
    // {
      root = {
        size = classes.root.size or "25%VG";
        content = {
          type = "btrfs";
          extraArgs = ["-f"];
          subvolumes =
            builtins.mapAttrs (_: mountpoint: {
              inherit mountpoint;
              mountOptions = rootOptions ++ deviceTimeout encrypted mountpoint;
            }) {
              "@" = "/";
              "@home" = "/home";
              "@var" = "/var";
            };
        };
      };
    };

  lvm = {
    disk,
    classes,
    encrypted,
  }: let
    volume = {
      type = "lvm_pv";
      vg = "pool";
    };
    content =
      if encrypted
      then {
        type = "luks";
        name = "crypt";
        settings.allowDiscards = true;
        content = volume;
      }
      else volume;
  in
    gpt disk "pool" content
    // {
      lvm_vg.pool = {
        type = "lvm_vg";
        lvs = volumes encrypted classes;
      };
    };

  dataset = mountpoint: options: {
    type = "zfs_fs";
    inherit mountpoint options;
  };

  zfs = {
    disk,
    classes,
  }:
    gpt disk "pool" {
      type = "zfs";
      pool = "pool";
    }
    // {
      zpool.pool = {
        type = "zpool";
        options.ashift = "12";
        rootFsOptions = {
          acltype = "posixacl";
          xattr = "sa";
          mountpoint = "none";
          canmount = "off";
        };
        datasets =
          builtins.mapAttrs (_: class: dataset class.mount (zfsOptions class)) (removeAttrs classes ["root"])
          // builtins.mapAttrs (_: mount: dataset mount (zfsOptions {options = rootOptions;})) {
            root = "/";
            home = "/home";
            var = "/var";
          };
      };
    };
in {
  inherit expected zfsOptions;

  # Absolute mount points, because a mount unit does not expand `~`.
  absolute = home: class: class // {mount = replaceStrings ["~"] [home] class.mount;};

  # A layout's `disko.devices`.
  devices = {
    layout,
    disk,
    classes,
  }:
    if layout == "zfs"
    then zfs {inherit disk classes;}
    else
      lvm {
        inherit disk classes;
        encrypted = layout == "luks-btrfs";
      };
}
