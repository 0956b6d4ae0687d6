# One set of options for the secrets of all backends. No secret is ever in the store: services read
# `path` at run time.
{
  imports = [
    ./agenix.nix
    ./changes.nix
    ./opnix.nix
    ./options.nix
    ./sops.nix
  ];
}
