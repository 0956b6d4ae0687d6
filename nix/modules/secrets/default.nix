# One option set for secrets, whatever brings them. Nothing secret is ever in the store: consumers read `path` when they
# run.
{
  imports = [
    ./agenix.nix
    ./changes.nix
    ./opnix.nix
    ./options.nix
    ./sops.nix
  ];
}
