# PostgreSQL and Redis of one project, started with `process-compose up` in its directory. Their data and sockets are in
# .services there; no port is open.
{pkgs}: let
  file = (pkgs.formats.json {}).generate "process-compose.json" (import ../lib/project-services.nix);
in
  pkgs.mkShellNoCC {
    packages = [pkgs.postgresql pkgs.process-compose pkgs.redis];
    # Source: process-compose, "Configuration": the files to read, unless the command names others.
    PC_CONFIG_FILES = "${file}";
    shellHook = ''
      export PROJECT_SERVICES="$PWD/.services"
      export PGHOST="$PROJECT_SERVICES" PGUSER="$USER" PGDATABASE=postgres
      export REDIS_SOCKET="$PROJECT_SERVICES/redis.sock"
    '';
  }
