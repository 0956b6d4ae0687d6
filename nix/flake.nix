{
  description = "PantherOS: the machines of the fleet, built from fleet.toml";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    nixos-hardware.url = "github:NixOS/nixos-hardware";
    disko = {
      url = "github:nix-community/disko";
      inputs.nixpkgs.follows = "nixpkgs";
    };
    home-manager = {
      url = "github:nix-community/home-manager";
      inputs.nixpkgs.follows = "nixpkgs";
    };
    opnix = {
      url = "github:brizzbuzz/opnix";
      inputs.nixpkgs.follows = "nixpkgs";
    };
  };

  outputs = inputs: let
    inherit (inputs.nixpkgs) lib;
    fleet = (import ./lib/fleet.nix).fromFile ./fleet.toml;
    deployTargets = import ./lib/deploy-targets.nix;
    mkHost = import ./lib/mk-host.nix {inherit inputs fleet;};
    configurations = lib.mapAttrs (_: mkHost) fleet.hosts;
  in {
    nixosConfigurations = configurations;

    # What the program reads before it builds anything; see lib/deploy-targets.nix.
    deployTargets = lib.mapAttrs (name: host: deployTargets.fromNixos host configurations.${name}) fleet.deployable;

    nixosModules = {
      default = ./modules;
      deployment = ./modules/deployment;
    };

    formatter = lib.genAttrs ["x86_64-linux" "aarch64-linux"] (system: inputs.nixpkgs.legacyPackages.${system}.alejandra);
  };
}
