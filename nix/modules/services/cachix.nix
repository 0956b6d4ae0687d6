# A cache at cachix.org in addition to the fleet's own. Hosts read it if the inventory names it, and
# push to it if they enable that.
{
  config,
  fleet,
  lib,
  ...
}: let
  cfg = config.pantheros.services.cachix;
in {
  options.pantheros.services.cachix = {
    enable = lib.mkOption {
      type = lib.types.bool;
      default = fleet.cache.cachix != null;
      defaultText = lib.literalMD "whether the inventory has `[cache] cachix`";
      description = "Whether to read from the fleet's cache at cachix.org.";
    };
    push = lib.mkEnableOption "pushing all builds of this host to the cache at cachix.org";
  };

  config = lib.mkIf cfg.enable (lib.mkMerge [
    {
      assertions = [
        {
          assertion = fleet.cache.cachix != null;
          message = "pantheros.services.cachix.enable: fleet.toml names no cache; set [cache] cachix = { name = …, public_key = … }";
        }
      ];
    }
    (lib.mkIf (fleet.cache.cachix != null) {
      nix.settings = {
        substituters = ["https://${fleet.cache.cachix.name}.cachix.org"];
        trusted-public-keys = [fleet.cache.cachix.publicKey];
      };
    })
    (lib.mkIf (cfg.push && fleet.cache.cachix != null) {
      pantheros.secrets.cachix-token.services = ["cachix-watch-store-agent"];
      services.cachix-watch-store = {
        enable = true;
        cacheName = fleet.cache.cachix.name;
        cachixTokenFile = config.pantheros.secrets.cachix-token.path;
      };
    })
  ]);
}
