{
  description = "The measured hosts as deploy-rs deploys them: the same systems, with its activation interface";

  inputs = {
    # sandbox/nix, or the measured copy of it.
    hosts = {
      url = "path:@hosts@";
      inputs.pantheros.follows = "pantheros";
      inputs.site.follows = "site";
    };
    pantheros = {
      url = "path:@pantheros@";
      flake = false;
    };
    site = {
      url = "path:@site@";
      flake = false;
    };
    # A directory with deploy-rs's program `activate`.
    binaries = {
      url = "path:@binaries@";
      flake = false;
    };
  };

  outputs = {
    hosts,
    binaries,
    ...
  }: let
    # bench/deploy-rs.ts writes it: system, addresses {HOST = ADDRESS}, sshOpts.
    settings = builtins.fromJSON (builtins.readFile ./settings.json);
    build = import "${hosts}/build.nix" {inherit (settings) system;};

    # As `lib.activate.nixos` of deploy-rs: the system's files beside `deploy-rs-activate` and `activate-rs`.
    activatable = host: let
      base = hosts.nixosConfigurations.${host}.config.system.build.toplevel;
    in
      build.run "activatable-nixos-system-${host}" {
        inherit base;
        activate = ''
          #!/bin/bash
          set -euo pipefail

          if [[ "''${DRY_ACTIVATE:-}" == "1" ]]
          then
              $PROFILE/bin/switch-to-configuration dry-activate
          elif [[ "''${BOOT:-}" == "1" ]]
          then
              $PROFILE/bin/switch-to-configuration boot
          else
              # work around https://github.com/NixOS/nixpkgs/issues/73404
              cd /tmp

              $PROFILE/bin/switch-to-configuration switch
          fi
        '';
        program = ''
          #!/bin/bash
          exec ${binaries}/activate "$@"
        '';
      } ''
        mkdir -p "$out"
        for entry in "$base"/*; do ln -s "$entry" "$out/"; done
        printf %s "$activate" >"$out/deploy-rs-activate"
        printf %s "$program" >"$out/activate-rs"
        chmod 0555 "$out/deploy-rs-activate" "$out/activate-rs"
      '';
  in {
    deploy = {
      sshUser = "root";
      user = "root";
      inherit (settings) sshOpts;
      # The hosts cannot reach a binary cache; requests to one would only take time.
      fastConnection = true;
      # deploy-rs's defaults, and its main features.
      magicRollback = true;
      autoRollback = true;
      nodes =
        builtins.mapAttrs (host: address: {
          hostname = address;
          profiles.system.path = activatable host;
        })
        settings.addresses;
    };
  };
}
