# The inventory's health checks, in each way that they can be written -> checks with all fields. Pure.
let
  defaults = import ./defaults.nix;

  healthCheck = given: let
    check = defaults."hosts.health.${given.kind}" // given;
  in {
    inherit (check) name kind;
    target =
      {
        http = check.url or null;
        tcp = check.address or null;
        unit = check.unit or null;
        command = check.command or null;
      }
      .${check.kind};
    status = check.status or null;
    body = check.body or null;
    timeoutSeconds = check.timeout_seconds;
  };

  # A service is checked on its own host: `health` is a path, one check, or a list of checks.
  serviceChecks = name: service: let
    own = "127.0.0.1:${toString service.port}";
    check = given:
      healthCheck (
        {inherit name;}
        // {
          http.url = "http://${own}${given.path or defaults."services.health.http".path}";
          tcp.address = own;
        }
        .${given.kind}
        or {}
        // removeAttrs given ["path"]
      );
  in
    if service.health == null
    then []
    else if builtins.isString service.health
    then [
      (check {
        kind = "http";
        path = service.health;
      })
    ]
    else if builtins.isList service.health
    then map check service.health
    else [(check service.health)];
in {
  inherit healthCheck serviceChecks;
}
