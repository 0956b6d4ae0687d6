# Rootless containers.
{imports = [./podman.nix];}
