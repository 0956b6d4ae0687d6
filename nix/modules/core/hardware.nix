# What the machine is made of: its report, written by `nixos-facter` on the machine itself.
{
  config,
  lib,
  pkgs,
  ...
}: let
  inherit (lib) mkIf mkOption types;
  inherit (pkgs.stdenv.hostPlatform) system;
  cfg = config.pantheros.hardware;
  parsed = import ../../lib/hardware.nix;
  report =
    if cfg.report == null
    then {}
    else builtins.fromJSON (builtins.readFile cfg.report);
in {
  options.pantheros.hardware = {
    report = mkOption {
      type = types.nullOr types.path;
      default = null;
      description = "The host's hardware report; hosts/NAME/facter.json when that is there.";
    };
    cpu = mkOption {
      type = types.enum ["amd" "intel" "arm" "unknown"];
      default = parsed.cpu report;
      defaultText = lib.literalMD "what the report says";
      description = "Maker of the processor.";
    };
    gpus = mkOption {
      type = types.listOf (types.enum ["amd" "intel" "nvidia"]);
      default = parsed.gpus report;
      defaultText = lib.literalMD "what the report says";
      description = "Makers of the graphics processors.";
    };
    virtual = mkOption {
      type = types.bool;
      default = parsed.virtual report;
      defaultText = lib.literalMD "what the report says";
      description = "The machine is a virtual one.";
    };
  };

  config = {
    hardware = {
      facter.reportPath = mkIf (cfg.report != null) cfg.report;
      enableRedistributableFirmware = lib.mkDefault (!cfg.virtual);
      cpu.amd.updateMicrocode = mkIf (cfg.cpu == "amd" && !cfg.virtual) (lib.mkDefault true);
      cpu.intel.updateMicrocode = mkIf (cfg.cpu == "intel" && !cfg.virtual) (lib.mkDefault true);
    };
    # Rented machines are looked after through the agent of their hypervisor.
    services.qemuGuest.enable = mkIf cfg.virtual (lib.mkDefault true);

    assertions = [
      {
        assertion = report == {} || report.system == system;
        message = "hosts/${config.networking.hostName}/facter.json was written on ${report.system or "?"}, but the inventory's `system` is ${system}";
      }
    ];
  };
}
