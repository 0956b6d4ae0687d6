# Shells of the flake: `nix develop ./nix` for this repository, `nix develop ./nix#LANGUAGE` for a project in a language, and
# `nix develop ./nix#services` for the databases of a project.
{pkgs}:
builtins.mapAttrs (_: packages: pkgs.mkShell {inherit packages;}) (import ../lib/languages.nix pkgs)
// {
  default = import ./repository.nix {inherit pkgs;};
  services = import ./services.nix {inherit pkgs;};
}
