# Configuration of process-compose for the databases of one project; `PROJECT_SERVICES` is their directory. Pure.
{
  version = "0.5";
  processes = {
    postgresql = {
      # Through the socket, which only the person's account can open.
      command = ''
        set -eu
        umask 077
        mkdir -p "$PROJECT_SERVICES"
        [ -e "$PROJECT_SERVICES/postgresql/PG_VERSION" ] || initdb --pgdata="$PROJECT_SERVICES/postgresql" --auth=peer --username="$(id -un)" --encoding=UTF8 --locale=C
        exec postgres -D "$PROJECT_SERVICES/postgresql" -k "$PROJECT_SERVICES" -c listen_addresses= -c unix_socket_permissions=0700
      '';
      readiness_probe = {
        exec.command = ''pg_isready --quiet --host="$PROJECT_SERVICES"'';
        period_seconds = 1;
        failure_threshold = 60;
      };
      # A fast shutdown: it ends connections, and loses nothing. Source: PostgreSQL, "Shutting Down the Server".
      shutdown.signal = 2;
    };
    redis = {
      command = ''
        set -eu
        umask 077
        mkdir -p "$PROJECT_SERVICES/redis"
        exec redis-server --port 0 --unixsocket "$PROJECT_SERVICES/redis.sock" --unixsocketperm 700 --dir "$PROJECT_SERVICES/redis"
      '';
      readiness_probe = {
        exec.command = ''redis-cli -s "$PROJECT_SERVICES/redis.sock" ping'';
        period_seconds = 1;
        failure_threshold = 60;
      };
    };
  };
}
