# Files of people, and their projects.
{
  imports = [
    ./forgejo.nix
    ./syncthing.nix
  ];
}
