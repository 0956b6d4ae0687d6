# The container image in which a pipeline builds the fleet: Nix with the features that the flake needs, and what the
# jobs call. `nix build ./nix#packages.x86_64-linux.builder-image` writes an archive for `docker load` and registries.
{pkgs}: let
  tools = [
    pkgs.attic-client
    pkgs.bashInteractive
    pkgs.cacert
    pkgs.coreutils
    pkgs.gitMinimal
    pkgs.gnugrep
    pkgs.gnumake
    pkgs.gnused
    pkgs.gnutar
    pkgs.gzip
    pkgs.nix
    pkgs.nodejs_24
    pkgs.openssh
    pkgs.skopeo
    pkgs.xz
  ];
in
  pkgs.dockerTools.buildLayeredImage {
    name = "pantheros-builder";
    # The hash of its contents, so that the same tag never means two images.
    tag = null;
    contents = tools ++ [pkgs.dockerTools.binSh pkgs.dockerTools.usrBinEnv pkgs.dockerTools.fakeNss];
    # Without it Nix would not recognize the paths of the image, and fetch or build them again.
    includeNixDB = true;
    extraCommands = "mkdir -m 1777 -p tmp var/tmp";
    config = {
      Cmd = ["/bin/bash"];
      Env = [
        "NIX_CONFIG=experimental-features = nix-command flakes\nsandbox = false\nbuild-users-group ="
        "NIX_SSL_CERT_FILE=/etc/ssl/certs/ca-bundle.crt"
        "SSL_CERT_FILE=/etc/ssl/certs/ca-bundle.crt"
        "PATH=/bin"
        "HOME=/root"
        "USER=root"
      ];
    };
  }
