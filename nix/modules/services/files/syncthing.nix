# Syncthing: folders that this host and other devices keep equal. Devices find each other by the inventory's addresses
# over the tailnet, and not through public servers. Its page has no password: the gateway's sign-on and the tailnet's policy
# decide who may open it.
{
  config,
  lib,
  ...
}: let
  inherit (lib) mkOption types;
  cfg = config.pantheros.services.syncthing;
  # The device's identity is here, so it belongs into the backup.
  state = "/var/lib/syncthing";
in {
  options.pantheros.services.syncthing =
    import ../../../lib/service-options.nix {inherit lib;} {
      description = "the synchronization of folders with Syncthing";
      port = 8384;
    }
    // {
      syncPort = mkOption {
        type = types.port;
        default = 22000;
        description = "Port for other devices. A service of its own in the inventory (`protocol = \"tcp\"`, `module = \"custom\"`) opens it in the tailnet's policy.";
      };
      directory = mkOption {
        type = types.strMatching "/.+";
        default = "/srv/files";
        description = "Directory of the folders.";
      };
      devices = mkOption {
        type = types.attrsOf (types.submodule {
          options = {
            id = mkOption {
              type = types.strMatching "([A-Z2-7]{7}-){7}[A-Z2-7]{7}";
              description = "The device's ID (`syncthing device-id`).";
            };
            addresses = mkOption {
              type = types.nonEmptyListOf types.singleLineStr;
              default = ["dynamic"];
              description = "Where it is reached, such as `tcp://zephyrus:22000`. `dynamic`: it connects by itself.";
            };
          };
        });
        default = {};
        description = "Devices that folders are kept equal with.";
      };
      folders = mkOption {
        type = types.attrsOf (types.submodule {
          options = {
            devices = mkOption {
              type = types.nonEmptyListOf types.str;
              description = "Devices that have the folder, by their names in `devices`.";
            };
            keepDays = mkOption {
              type = types.ints.positive;
              default = 30;
              description = "Days that a changed or deleted file is kept in the folder's .stversions.";
            };
          };
        });
        default = {};
        description = "Folders below `directory`, by name.";
      };
    };

  config = lib.mkIf cfg.enable {
    services.syncthing = {
      enable = true;
      dataDir = cfg.directory;
      configDir = state;
      guiAddress = "${cfg.listen}:${toString cfg.port}";
      openDefaultPorts = false;
      # The inventory is the only list.
      overrideDevices = true;
      overrideFolders = true;
      # Source: docs.syncthing.net, "Configuration".
      settings = {
        options = {
          listenAddresses = ["tcp://0.0.0.0:${toString cfg.syncPort}"];
          globalAnnounceEnabled = false;
          localAnnounceEnabled = false;
          relaysEnabled = false;
          natEnabled = false;
          # Reports and updates.
          urAccepted = -1;
          autoUpgradeIntervalH = 0;
        };
        devices = lib.mapAttrs (_: device: {inherit (device) id addresses;}) cfg.devices;
        folders =
          lib.mapAttrs (name: folder: {
            path = "${cfg.directory}/${name}";
            inherit (folder) devices;
            versioning = {
              type = "simple";
              params = {
                keep = "10";
                cleanoutDays = toString folder.keepDays;
              };
            };
          })
          cfg.folders;
      };
    };
    systemd.tmpfiles.rules = [
      "d ${cfg.directory} 0750 syncthing syncthing -"
      # NixOS makes the home only, which is `dataDir`.
      "d ${state} 0700 syncthing syncthing -"
    ];

    assertions =
      lib.mapAttrsToList (name: folder: let
        missing = lib.subtractLists (lib.attrNames cfg.devices) folder.devices;
      in {
        assertion = missing == [];
        message = "pantheros.services.syncthing.folders.${name}.devices: ${toString missing} is not in devices; add its id to the service's options in fleet.toml";
      })
      cfg.folders;
  };
}
