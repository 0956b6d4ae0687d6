# Forgejo: Git repositories with issues and reviews, over HTTPS. It signs people on itself (`auth = "own"`), because Git
# cannot follow the gateway's sign-on; nobody registers without an administrator.
{
  config,
  lib,
  registry,
  ...
}: let
  cfg = config.pantheros.services.forgejo;
  name = registry.nameFor "forgejo";
in {
  options.pantheros.services.forgejo = import ../../../lib/service-options.nix {inherit lib;} {
    description = "the forge Forgejo";
    port = 3000;
  };

  config = lib.mkIf cfg.enable {
    pantheros.services.postgresql.databases = ["forgejo"];

    services.forgejo = {
      enable = true;
      lfs.enable = true;
      database = {
        type = "postgres";
        # pantheros.services.postgresql makes it, and dumps it.
        createDatabase = false;
        socket = "/run/postgresql";
      };
      # Source: forgejo.org, "Config Cheat Sheet".
      settings = {
        server =
          {
            HTTP_ADDR = cfg.listen;
            HTTP_PORT = cfg.port;
            # sshd belongs to the host's administrators.
            DISABLE_SSH = true;
          }
          // lib.optionalAttrs (name != null) {
            DOMAIN = name;
            ROOT_URL = "https://${name}/";
          };
        service.DISABLE_REGISTRATION = true;
        session.COOKIE_SECURE = name != null;
        # A runner has the rights of its host: none runs unless one is set up on purpose.
        actions.ENABLED = false;
        other.SHOW_FOOTER_VERSION = false;
      };
    };

    systemd.services.forgejo = {
      after = ["postgresql.target"];
      wants = ["postgresql.target"];
    };
  };
}
