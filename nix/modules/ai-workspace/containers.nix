# Containers of the workspace, such as a memory service for assistants, a notebook or a training run. They start with the
# machine, keep their data in one directory each, and listen on loopback.
{
  config,
  lib,
  ...
}: let
  inherit (lib) mkOption types;
  cfg = config.pantheros.aiWorkspace;
  gpus = config.pantheros.hardware.gpus;
  state = "/var/lib/ai-workspace";
  # Source: NVIDIA, "Container Device Interface"; AMD, "Running ROCm Docker containers".
  devices =
    lib.optional (lib.elem "nvidia" gpus) "--device=nvidia.com/gpu=all"
    ++ lib.optional (lib.elem "amd" gpus) "--device=/dev/kfd"
    ++ lib.optional (lib.any (gpu: gpu != "nvidia") gpus) "--device=/dev/dri";
  withGpu = lib.filterAttrs (_: container: container.gpu) cfg.containers;
  withSecret = lib.filterAttrs (_: container: container.secret != null) cfg.containers;
  ports = lib.concatMap (container: container.ports) (lib.attrValues cfg.containers);
in {
  options.pantheros.aiWorkspace.containers = mkOption {
    type = types.attrsOf (types.submodule {
      options = {
        image = mkOption {
          type = types.strMatching ".+@sha256:[0-9a-f]{64}";
          example = "ghcr.io/example/memory:1.4@sha256:<64 digits>";
          description = "Image with its digest, so that the host runs what was reviewed.";
        };
        ports = mkOption {
          type = types.listOf types.port;
          default = [];
          description = "Ports of the container that are open on this machine's loopback, with the same number.";
        };
        gpu = mkOption {
          type = types.bool;
          default = false;
          description = "Whether it uses the graphics processors of the hardware report.";
        };
        data = mkOption {
          type = types.nullOr (types.strMatching "/.+");
          default = null;
          example = "/data";
          description = "Directory of the container that is kept, in `/var/lib/ai-workspace/NAME` of the host.";
        };
        environment = mkOption {
          type = types.attrsOf types.str;
          default = {};
          description = "Variables without secrets.";
        };
        secret = mkOption {
          type = types.nullOr types.str;
          default = null;
          description = "Secret of `pantheros.secrets` with further variables, NAME=value a line.";
        };
        memory = mkOption {
          type = types.strMatching "[0-9]+[mg]";
          default = "4g";
          description = "Memory it may use at most.";
        };
      };
    });
    default = {};
    description = "Containers, by name.";
  };

  config = lib.mkIf (cfg.enable && cfg.containers != {}) {
    pantheros.podman.enable = lib.mkDefault true;
    pantheros.hardware.graphics.enable = lib.mkIf (withGpu != {}) (lib.mkDefault true);
    hardware.nvidia-container-toolkit.enable = lib.mkIf (withGpu != {} && lib.elem "nvidia" gpus) (lib.mkDefault true);
    pantheros.secrets = lib.mapAttrs' (name: container: lib.nameValuePair container.secret {services = ["podman-${name}"];}) withSecret;

    virtualisation.oci-containers.containers =
      lib.mapAttrs (name: container: {
        inherit (container) environment image;
        ports = map (port: "127.0.0.1:${toString port}:${toString port}") container.ports;
        volumes = lib.optional (container.data != null) "${state}/${name}:${container.data}";
        environmentFiles = lib.optional (container.secret != null) config.pantheros.secrets.${container.secret}.path;
        extraOptions =
          ["--cap-drop=all" "--security-opt=no-new-privileges" "--memory=${container.memory}"]
          ++ lib.optionals container.gpu devices;
      })
      cfg.containers;
    systemd.tmpfiles.rules = ["d ${state} 0700 root root -"] ++ map (name: "d ${state}/${name} 0700 root root -") (lib.attrNames cfg.containers);

    assertions = [
      {
        assertion = withGpu == {} || gpus != [];
        message = "pantheros.aiWorkspace.containers: ${lib.concatStringsSep ", " (lib.attrNames withGpu)} need a graphics processor, and the hardware report of ${config.networking.hostName} has none: write the report anew (nixos-facter), or set gpu = false";
      }
      {
        assertion = lib.allUnique ports;
        message = "pantheros.aiWorkspace.containers: two containers have the same port; give each its own";
      }
    ];
  };
}
