# The fleet's package set, made once per platform and shared by all hosts of one evaluation.
{nixpkgs}: let
  inherit (nixpkgs) lib;

  # Each unfree package is allowed by name.
  allowedUnfree = ["1password" "1password-cli" "nvidia-x11" "nvidia-settings" "steam" "steam-run" "steam-unwrapped"];
in
  lib.genAttrs ["x86_64-linux" "aarch64-linux"] (
    system:
      import nixpkgs {
        inherit system;
        overlays = import ../overlays;
        config.allowUnfreePredicate = package: builtins.elem (lib.getName package) allowedUnfree;
      }
  )
