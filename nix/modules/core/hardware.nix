# The machine's hardware, from the report that `nixos-facter` writes on the machine itself.
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
      description = "The host's hardware report; hosts/NAME/facter.json if that exists.";
    };
    cpu = mkOption {
      type = types.enum ["amd" "intel" "arm" "unknown"];
      default = parsed.cpu report;
      defaultText = lib.literalMD "from the report";
      description = "Vendor of the processor.";
    };
    gpus = mkOption {
      type = types.listOf (types.enum ["amd" "intel" "nvidia"]);
      default = parsed.gpus report;
      defaultText = lib.literalMD "from the report";
      description = "Vendors of the graphics processors.";
    };
    virtual = mkOption {
      type = types.bool;
      default = parsed.virtual report;
      defaultText = lib.literalMD "from the report";
      description = "Whether it is a virtual machine.";
    };
  };

  config = {
    pantheros.hardware.busIds = lib.mapAttrs (_: lib.mkDefault) (parsed.busIds report);
    hardware = {
      facter.reportPath = mkIf (cfg.report != null) cfg.report;
      enableRedistributableFirmware = lib.mkDefault (!cfg.virtual);
      cpu.amd.updateMicrocode = mkIf (cfg.cpu == "amd" && !cfg.virtual) (lib.mkDefault true);
      cpu.intel.updateMicrocode = mkIf (cfg.cpu == "intel" && !cfg.virtual) (lib.mkDefault true);
    };
    # Vendors of rented machines manage them through the agent of their hypervisor.
    services.qemuGuest.enable = mkIf cfg.virtual (lib.mkDefault true);

    assertions = [
      {
        assertion = report == {} || report.system == system;
        message = "hosts/${config.networking.hostName}/facter.json was written on ${report.system or "?"}, but the inventory's `system` is ${system}: correct one of them";
      }
    ];
  };
}
