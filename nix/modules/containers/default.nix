# Containers without root.
{imports = [./podman.nix];}
