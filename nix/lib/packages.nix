# The package set of the fleet: made once per platform and shared by every host of one evaluation.
{nixpkgs}: let
  inherit (nixpkgs) lib;

  # Named one by one: an unfree package gets in by a decision, not by accident.
  allowedUnfree = ["1password" "1password-cli" "nvidia-x11" "nvidia-settings" "steam" "steam-unwrapped"];
in
  lib.genAttrs ["x86_64-linux" "aarch64-linux"] (
    system:
      import nixpkgs {
        inherit system;
        config.allowUnfreePredicate = package: builtins.elem (lib.getName package) allowedUnfree;
      }
  )
