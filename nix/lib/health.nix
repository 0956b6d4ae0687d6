# Health checks of the inventory, whatever way they are written -> checks with every field a check can have. Pure.
let
  checkDefaults = kind: {
    timeoutSeconds =
      if kind == "command"
      then 10
      else 5;
  };

  # One health check, whatever its kind, with every field a check can have.
  healthCheck = check:
    checkDefaults check.kind
    // {
      inherit (check) name kind;
      target =
        {
          http = check.url or null;
          tcp = check.address or null;
          unit = check.unit or null;
          command = check.command or null;
        }
        .${check.kind};
      status =
        if check.kind == "http"
        then check.status or 200
        else null;
      body = check.body or null;
    }
    // (
      if check ? timeout_seconds
      then {timeoutSeconds = check.timeout_seconds;}
      else {}
    );

  # A service watches over itself on its own host: `health` is a path, one check, or a list of them.
  serviceChecks = name: service: let
    own = "127.0.0.1:${toString service.port}";
    check = given:
      healthCheck (
        {inherit name;}
        // {
          http.url = "http://${own}${given.path or "/"}";
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
