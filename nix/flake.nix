{
  description = "PantherOS: the machines of the fleet, built from fleet.toml";

  inputs = {
    nixpkgs.url = "github:nixos/nixpkgs/nixos-unstable";
    nixos-hardware = {
      url = "github:NixOS/nixos-hardware";
      inputs.nixpkgs.follows = "nixpkgs";
    };
    disko = {
      url = "github:nix-community/disko";
      inputs.nixpkgs.follows = "nixpkgs";
    };
    home-manager = {
      url = "github:nix-community/home-manager";
      inputs.nixpkgs.follows = "nixpkgs";
    };
    systems.url = "github:nix-systems/default";
    flake-utils = {
      url = "github:numtide/flake-utils";
      inputs.systems.follows = "systems";
    };
    opnix = {
      url = "github:brizzbuzz/opnix";
      inputs = {
        nixpkgs.follows = "nixpkgs";
        flake-utils.follows = "flake-utils";
      };
    };
    sops-nix = {
      url = "github:Mic92/sops-nix";
      inputs.nixpkgs.follows = "nixpkgs";
    };
    agenix = {
      url = "github:ryantm/agenix";
      inputs = {
        nixpkgs.follows = "nixpkgs";
        home-manager.follows = "home-manager";
        systems.follows = "systems";
        # Only for macOS.
        darwin.follows = "";
      };
    };
  };

  outputs = inputs: let
    inherit (inputs.nixpkgs) lib;
    fleet = (import ./lib/fleet.nix).fromFile ./fleet.toml;
    packages = import ./lib/packages.nix {inherit (inputs) nixpkgs;};
    deployTargets = import ./lib/deploy-targets.nix;
    mkHost = import ./lib/mk-host.nix {inherit inputs fleet packages;};
    configurations = lib.mapAttrs (_: mkHost) fleet.hosts;
    perSystem = make: lib.mapAttrs (system: make system) packages;
  in {
    nixosConfigurations = configurations;

    # What the program reads before it builds anything; see lib/deploy-targets.nix.
    deployTargets = lib.mapAttrs (name: host: deployTargets.fromNixos host configurations.${name}) fleet.deployable;

    nixosModules = {
      default = ./modules;
      deployment = ./modules/deployment;
    };

    packages.x86_64-linux = {
      # nix build .#iso && dd; nix run .#dev-vm
      iso = configurations.iso-headless.config.system.build.isoImage;
      dev-vm = configurations.dev-vm.config.system.build.vm;
    };

    # `nix build .#packages.aarch64-linux.r2s-image` builds an image; dd writes it to an SD card.
    packages.aarch64-linux.r2s-image = configurations.r2s.config.system.build.sdImage;

    checks = perSystem (system: pkgs: import ./checks {inherit configurations fleet inputs lib pkgs system;});
    devShells = perSystem (_: pkgs: {default = import ./shell.nix {inherit pkgs;};});
    formatter = perSystem (_: pkgs: pkgs.alejandra);
  };
}
