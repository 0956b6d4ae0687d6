# What the program reads of each host, in one evaluation for a whole stack, before anything is built:
#   nix eval --json <flake>#deployTargets --apply 'ts: { inherit (ts) web db; }'
# Strings lose their context, so that reading the names of store paths builds nothing.
let
  plain = builtins.unsafeDiscardStringContext;

  # Links in a built system have exactly these strings as targets (`kernel` and
  # `etc/systemd/system/UNIT`), so the two are comparable without a build. A NixOS host has more links
  # there: systemd's and packages' own units, whose targets are not `…-unit-UNIT/UNIT`.
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
      # Not named outPath: JSON would contain only that string instead of the attribute set.
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
      # Since NixOS 26.05; a pinned older system has none.
      inhibitors = config.system.switch.inhibitors or {};
      units = builtins.listToAttrs (map (name: {
          inherit name;
          value = "${config.systemd.units.${name}.unit}/${name}";
        })
        enabled);
      # The program partitions only the machines that it creates; for adopted ones this is not evaluated.
      diskoScript =
        if host.provider.kind != "existing"
        then config.system.build.diskoScript
        else null;
    };
in {
  inherit target fromNixos;
}
