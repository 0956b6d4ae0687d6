{
  description = "The sandbox's hosts: small systems with the shape of NixOS, built without nixpkgs";

  inputs = {
    # The real fleet's library and supervisor. Given with --override-input pantheros path:<repository>/nix
    pantheros = {
      url = "path:../../nix";
      flake = false;
    };
    # Keys of one running sandbox. Given with --override-input site path:<state directory>/site
    site = {
      url = "path:./site";
      flake = false;
    };
  };

  outputs = {
    pantheros,
    site,
    ...
  }: let
    fleet = (import "${pantheros}/lib/fleet.nix").fromFile ./fleet.toml;
    deployTargets = import "${pantheros}/lib/deploy-targets.nix";
    systemOf = host: managed:
      import ./system.nix {
        inherit host fleet managed;
        site = builtins.fromJSON (builtins.readFile "${site}/site.json");
        checks = import "${pantheros}/lib/checks.nix";
        secretsLibrary = import "${pantheros}/lib/secrets.nix";
        actProgram = builtins.readFile "${pantheros}/modules/secrets/act.sh";
        supervisor = import "${pantheros}/modules/deployment/parts.nix";
        operatorProgram = import "${pantheros}/modules/deployment/operator/text.nix";
        operatorLibrary = import "${pantheros}/lib/operators.nix";
        postgresql = {
          files = import "${pantheros}/lib/postgresql.nix";
          dump = builtins.readFile "${pantheros}/modules/services/postgresql/dump.sh";
        };
      };
    systems = builtins.mapAttrs (_: host: systemOf host true) fleet.deployable;
  in {
    nixosConfigurations =
      builtins.mapAttrs (name: system: {
        config.system.build = {
          inherit (system) toplevel;
          # The same machine before its first deploy.
          unmanaged = (systemOf fleet.deployable.${name} false).toplevel;
        };
      })
      systems;
    deployTargets = builtins.mapAttrs (_: deployTargets.target) systems;
  };
}
