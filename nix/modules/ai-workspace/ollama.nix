# Ollama on loopback, where OpenCode, containers with the host's network and programs of people reach it. The inventory's
# service `ollama` lets other hosts use it.
{
  config,
  lib,
  pkgs,
  ...
}: let
  inherit (lib) mkOption types;
  cfg = config.pantheros.aiWorkspace;
  service = config.pantheros.services.ollama;
  gpus = config.pantheros.hardware.gpus;
  # Packages, because services.ollama.acceleration is gone. Source: nixpkgs, pull request 466004.
  packages = {
    none = pkgs.ollama;
    rocm = pkgs.ollama-rocm;
    vulkan = pkgs.ollama-vulkan;
  };
in {
  options.pantheros = {
    aiWorkspace = {
      enable = lib.mkEnableOption "a workspace for models: Ollama, and the containers in `containers`";
      acceleration = mkOption {
        type = types.enum ["none" "rocm" "vulkan"];
        default =
          if gpus == []
          then "none"
          else "vulkan";
        defaultText = lib.literalMD "`vulkan` if the report has a graphics processor";
        description = "How models use the graphics processor. `vulkan`: of any vendor. `rocm`: AMD's own. NVIDIA's own, CUDA, is not free software, and no cache has it.";
      };
      models = mkOption {
        type = types.listOf types.singleLineStr;
        default = [];
        example = ["qwen3-coder:30b"];
        description = "Models that are fetched when Ollama starts.";
      };
    };
    services.ollama = import ../../lib/service-options.nix {inherit lib;} {
      description = "Ollama";
      port = 11434;
    };
  };

  config = lib.mkMerge [
    (lib.mkIf cfg.enable {pantheros.services.ollama.enable = lib.mkDefault true;})
    (lib.mkIf service.enable {
      services.ollama = {
        enable = true;
        package = lib.mkDefault packages.${cfg.acceleration};
        host = service.listen;
        inherit (service) port;
        loadModels = cfg.models;
      };
      pantheros.hardware.graphics.enable = lib.mkIf (cfg.acceleration != "none") (lib.mkDefault true);
    })
  ];
}
