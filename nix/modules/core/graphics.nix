# Drivers of the graphics processors in the hardware report. The kernel drives AMD's and Intel's by itself; NVIDIA's needs
# its own modules, and on a laptop with two it renders only for programs that ask (`nvidia-offload PROGRAM`).
{
  config,
  lib,
  ...
}: let
  inherit (lib) mkDefault mkIf mkOption types;
  cfg = config.pantheros.hardware;
  # NixOS' module of NVIDIA sets these with mkDefault itself.
  prefer = lib.mkOverride 900;
  nvidia = lib.elem "nvidia" cfg.gpus && cfg.graphics.enable;
  # The other one shows the picture.
  integrated = lib.findFirst (gpu: gpu != "nvidia") null cfg.gpus;
  hybrid = nvidia && integrated != null;
  bus = vendor: cfg.busIds.${vendor} or "";
in {
  options.pantheros.hardware = {
    graphics = {
      enable = mkOption {
        type = types.bool;
        default = config.pantheros.desktop.enable;
        defaultText = lib.literalMD "as `pantheros.desktop.enable`";
        description = "Whether to load the drivers of the graphics processors, for a picture or for computing.";
      };
      openModules = mkOption {
        type = types.bool;
        default = true;
        description = "Whether to use NVIDIA's open kernel modules. They need a processor of the series 16 or 20 (Turing, 2018) or later.";
      };
    };
    busIds = mkOption {
      type = types.attrsOf (types.strMatching "PCI:[0-9]+:[0-9]+:[0-9]+");
      default = {};
      defaultText = lib.literalMD "from the report";
      example = {
        intel = "PCI:0:2:0";
        nvidia = "PCI:1:0:0";
      };
      description = "Places of the graphics processors by vendor, with decimal numbers.";
    };
  };

  config = mkIf cfg.graphics.enable {
    hardware.graphics.enable = mkDefault true;
    # Without this, modules of the other loads first, and the screen stays dark until niri starts.
    boot.initrd.kernelModules = lib.optional (lib.elem "amd" cfg.gpus) "amdgpu" ++ lib.optional (lib.elem "intel" cfg.gpus) "i915";

    services.xserver.videoDrivers = mkIf nvidia (mkDefault ["nvidia"]);
    hardware.nvidia = mkIf nvidia {
      open = prefer cfg.graphics.openModules;
      modesetting.enable = mkDefault true;
      # Saves its memory on suspend. Turning it off while unused needs a second processor.
      powerManagement = {
        enable = mkDefault true;
        finegrained = mkDefault hybrid;
      };
      prime = mkIf hybrid {
        offload = {
          enable = prefer true;
          enableOffloadCmd = mkDefault true;
        };
        nvidiaBusId = mkDefault (bus "nvidia");
        intelBusId = mkIf (integrated == "intel") (mkDefault (bus "intel"));
        amdgpuBusId = mkIf (integrated == "amd") (mkDefault (bus "amd"));
      };
    };

    assertions = [
      {
        assertion = !hybrid || (bus "nvidia" != "" && bus integrated != "");
        message = "pantheros.hardware.busIds: ${config.networking.hostName} has two graphics processors, and the hardware report does not say where; write it anew with nixos-facter, or set busIds.nvidia and busIds.${toString integrated}";
      }
    ];
  };
}
