# Virtual machines and system containers with Incus: `incus launch images:debian/13 NAME --vm`, `incus list`, `incus config
# set NAME limits.memory 4GiB`. Their network is behind this host's address, and their disks are in one pool.
{
  config,
  lib,
  ...
}: let
  inherit (lib) mkDefault mkOption types;
  cfg = config.pantheros.virtualMachines;
  people = lib.filter (account: account.isNormalUser) (lib.attrValues config.users.users);
in {
  options.pantheros.virtualMachines = {
    enable = lib.mkEnableOption "virtual machines and system containers with Incus. Root and its group `incus-admin` manage them; no person is in that group, because it is equivalent to root";
    pool = {
      driver = mkOption {
        type = types.enum ["btrfs" "dir" "zfs"];
        default = "dir";
        description = "How disks are kept. `dir`: files, on any file system. `btrfs` and `zfs`: with snapshots that take no space, below `source`.";
      };
      source = mkOption {
        type = types.nullOr types.singleLineStr;
        default = null;
        example = "/var/lib/incus-pool";
        description = "A directory on btrfs, or a dataset of ZFS, which must be empty. Required for these drivers.";
      };
    };
    bridge = mkOption {
      type = types.strMatching "[a-z][a-z0-9]{0,14}";
      default = "incusbr0";
      description = "Network interface of the machines' network.";
    };
    address = mkOption {
      type = types.strMatching "[0-9.]+/[0-9]+";
      default = "10.87.0.1/24";
      description = "This host's address in the machines' network, which has addresses by DHCP and reaches other networks through the host.";
    };
    limits = {
      cpus = mkOption {
        type = types.ints.positive;
        default = 2;
        description = "Processors of a machine that names no number.";
      };
      memory = mkOption {
        type = types.strMatching "[0-9]+(MiB|GiB)";
        default = "2GiB";
        description = "Memory of a machine that names no amount.";
      };
      disk = mkOption {
        type = types.strMatching "[0-9]+GiB";
        default = "20GiB";
        description = "Disk of a machine that names no size.";
      };
    };
  };

  config = lib.mkIf cfg.enable {
    virtualisation.incus = {
      enable = true;
      # A deploy that restarts Incus leaves the machines running.
      softDaemonRestart = mkDefault true;
      # It creates and changes, and never deletes. Source: Incus, "How to initialize".
      preseed = {
        networks = [
          {
            name = cfg.bridge;
            type = "bridge";
            config = {
              "ipv4.address" = cfg.address;
              "ipv4.nat" = "true";
              "ipv6.address" = "none";
            };
          }
        ];
        storage_pools = [
          ({
              name = "default";
              inherit (cfg.pool) driver;
            }
            // lib.optionalAttrs (cfg.pool.source != null) {config.source = cfg.pool.source;})
        ];
        profiles = [
          {
            name = "default";
            config = {
              "limits.cpu" = toString cfg.limits.cpus;
              "limits.memory" = cfg.limits.memory;
            };
            devices = {
              eth0 = {
                name = "eth0";
                network = cfg.bridge;
                type = "nic";
              };
              root = {
                path = "/";
                pool = "default";
                size = cfg.limits.disk;
                type = "disk";
              };
            };
          }
        ];
      };
    };

    # Names and addresses for the machines; everything else of this host stays closed to them.
    networking.firewall.interfaces.${cfg.bridge} = {
      allowedTCPPorts = [53];
      allowedUDPPorts = [53 67];
    };

    assertions = [
      {
        assertion = cfg.pool.driver == "dir" || cfg.pool.source != null;
        message = "pantheros.virtualMachines.pool.source: the driver ${cfg.pool.driver} needs an empty directory or dataset of its own; set it, or use driver = \"dir\"";
      }
      {
        assertion = lib.all (account: !lib.elem "incus-admin" account.extraGroups) people;
        message = "an account of a person is in the group incus-admin, which is equivalent to root: remove it, and use `sudo incus`";
      }
    ];
  };
}
