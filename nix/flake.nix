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
    # A browser that nixpkgs does not have.
    zen-browser = {
      url = "github:0xc000022070/zen-browser-flake";
      inputs = {
        nixpkgs.follows = "nixpkgs";
        home-manager.follows = "home-manager";
      };
    };
  };

  outputs = inputs: let
    inherit (inputs.nixpkgs) lib;
    fleet = (import ./lib/fleet.nix).fromFile ./fleet.toml;
    packages = import ./lib/packages.nix {inherit (inputs) nixpkgs;};
    deployTargets = import ./lib/deploy-targets.nix;
    # Without `self`, a host cannot read other hosts' configurations, so its own folder and the shared files are all
    # that it depends on.
    mkHost = import ./lib/mk-host.nix {
      inputs = removeAttrs inputs ["self"];
      inherit fleet packages;
    };
    # A renamed host can keep its folder's name.
    folderOf = host: lib.findFirst builtins.pathExists null (map (name: ./hosts + "/${name}") ([host.name] ++ lib.optional (host.formerly != null) host.formerly));
    configurations = lib.mapAttrs (_: host: mkHost host (folderOf host)) fleet.hosts;
    perSystem = make: lib.mapAttrs (system: make system) packages;
  in {
    nixosConfigurations = configurations;

    # What the program reads before it builds anything; see lib/deploy-targets.nix.
    deployTargets = lib.mapAttrs (name: host: deployTargets.fromNixos host configurations.${name}) fleet.deployable;

    # The same for one host, whose folder is given as a path (null: it has none). The program evaluates this in a copy
    # of the flake without the folders in hosts/, so that a change in one folder concerns only that host.
    deployTargetOf = {
      name,
      folder,
    }: let
      host = fleet.deployable.${name};
    in
      deployTargets.fromNixos host (mkHost host folder);

    nixosModules = {
      default = ./modules;
      deployment = ./modules/deployment;
    };

    packages.x86_64-linux = {
      # nix build .#iso && dd; nix run .#dev-vm
      iso = configurations.iso-headless.config.system.build.isoImage;
      dev-vm = configurations.dev-vm.config.system.build.vm;
      # All systems of this platform, for a pipeline that builds them at once.
      hosts = packages.x86_64-linux.linkFarm "pantheros-hosts" (lib.mapAttrs (name: _: configurations.${name}.config.system.build.toplevel) (lib.filterAttrs (_: host: host.system == "x86_64-linux") fleet.hosts));
      builder-image = import ./images/builder.nix {pkgs = packages.x86_64-linux;};
    };

    # `nix build .#packages.aarch64-linux.r2s-image` builds an image; dd writes it to an SD card.
    packages.aarch64-linux.r2s-image = configurations.r2s.config.system.build.sdImage;

    checks = perSystem (system: pkgs: import ./checks {inherit configurations fleet inputs lib pkgs system;});
    devShells = perSystem (_: pkgs: import ./shells {inherit pkgs;});
    formatter = perSystem (_: pkgs: pkgs.alejandra);
  };
}
