# What the program reads of each host, in one evaluation for a whole stack, before anything is built:
#   nix eval --json <flake>#deployTargets --apply 'ts: { inherit (ts) web db; }'
# Strings lose their context: the reader gets names of store paths, not a reason to build them.
let
  plain = builtins.unsafeDiscardStringContext;

  # Links in a built system point to exactly these strings, so both sides compare without building: `kernel` and
  # `etc/systemd/system/UNIT`. A NixOS host has more links there than units here: those of systemd itself and of
  # packages, whose target is not `…-unit-UNIT/UNIT`.
  target = {
    toplevel,
    system,
    kernel,
    inhibitors,
    units,
    diskoScript ? null,
  }:
    {
      inherit system;
      drvPath = plain toplevel.drvPath;
      # Not called outPath: an attribute set that has one becomes that string in JSON.
      toplevel = plain toplevel.outPath;
      kernel = plain kernel;
      inhibitors = builtins.mapAttrs (_: plain) inhibitors;
      units = builtins.mapAttrs (_: plain) units;
    }
    // (
      if diskoScript == null
      then {}
      else {
        disko = {
          drvPath = plain diskoScript.drvPath;
          script = plain diskoScript.outPath;
        };
      }
    );

  fromNixos = host: configuration: let
    inherit (configuration) config;
    enabled = builtins.filter (name: config.systemd.units.${name}.enable) (builtins.attrNames config.systemd.units);
  in
    target {
      inherit (config.system.build) toplevel;
      inherit (configuration.pkgs.stdenv.hostPlatform) system;
      kernel = "${config.boot.kernelPackages.kernel}/${config.system.boot.loader.kernelFile}";
      # Since NixOS 26.05; a pinned older one has none.
      inhibitors = config.system.switch.inhibitors or {};
      units = builtins.listToAttrs (map (name: {
          inherit name;
          value = "${config.systemd.units.${name}.unit}/${name}";
        })
        enabled);
      # Only machines that the program makes are partitioned by it; for the others this is not even evaluated.
      diskoScript =
        if host.provider.kind == "hetzner"
        then config.system.build.diskoScript
        else null;
    };
in {
  inherit target fromNixos;
}
