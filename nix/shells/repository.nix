# Tools for work on this repository: nix develop ./nix
{pkgs}:
pkgs.mkShellNoCC {
  packages = [
    pkgs.age
    pkgs.alejandra
    pkgs.deadnix
    pkgs.git
    pkgs.gnumake
    pkgs.nixos-anywhere
    pkgs.nixos-facter
    pkgs.nodejs_24
    pkgs.pulumi
    pkgs.shellcheck
    pkgs.sops
  ];
}
