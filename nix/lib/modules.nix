# Modules of every machine, of hosts and test machines alike: those of the inputs, ours, and the
# settings that all of them share.
inputs: [
  inputs.disko.nixosModules.disko
  inputs.home-manager.nixosModules.home-manager
  inputs.opnix.nixosModules.default
  inputs.sops-nix.nixosModules.sops
  inputs.agenix.nixosModules.default
  ../modules
  ../profiles/common.nix
]
