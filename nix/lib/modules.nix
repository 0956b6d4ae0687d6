# Modules that every machine has, a host and a test's alike: those of the inputs, ours, and what all of ours have in common.
inputs: [
  inputs.disko.nixosModules.disko
  inputs.home-manager.nixosModules.home-manager
  inputs.opnix.nixosModules.default
  inputs.sops-nix.nixosModules.sops
  inputs.agenix.nixosModules.default
  ../modules
  ../profiles/common.nix
]
