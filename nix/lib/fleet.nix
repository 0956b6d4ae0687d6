# The inventory as Nix sees it: fleet.toml with its defaults filled in and names derived.
# What a well-formed inventory is, is decided by the program (inventory/schema.ts), which refuses a bad
# file before any Nix runs; here only what would make a host silently wrong is an error.
# Pure builtins: the flakes of the real and of the sandbox hosts share it.
let
  inherit (builtins) attrNames concatStringsSep filter fromTOML hasAttr mapAttrs readFile;

  filterAttrs = keep: set:
    removeAttrs set (filter (name: !keep name set.${name}) (attrNames set));

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

  # A service with a `health` path watches over itself on its own host.
  serviceCheck = name: service:
    healthCheck {
      inherit name;
      kind = "http";
      url = "http://127.0.0.1:${toString service.port}${service.health}";
    };

  deployDefaults = deploy: {
    user = deploy.user or "deploy";
    sources = deploy.sources or [];
    authorizedKeys = deploy.authorized_keys or [];
    probeKeys = deploy.probe_keys or [];
    confirmSeconds = deploy.confirm_seconds or 30;
    healthSeconds = deploy.health_seconds or 60;
    healthPeriodSeconds = deploy.health_period_seconds or 2;
    address = deploy.address or "tailnet";
  };

  cacheDefaults = cache: {
    url = cache.url or null;
    publicKey = cache.public_key or null;
    name = cache.name or "cache";
    host = cache.host or null;
  };

  serviceDefaults = hosts: name: service:
    if !hasAttr service.host hosts
    then throw "services.${name}.host: unknown host \"${service.host}\"; hosts are ${concatStringsSep ", " (attrNames hosts)}"
    else {
      inherit name;
      inherit (service) host port;
      description = service.description or name;
      public = service.public or false;
      proxied = service.proxied or (service.public or false);
      subdomain = service.subdomain or name;
      auth = service.auth or "sso";
      protocol = service.protocol or "http";
      health = service.health or null;
      groups = service.groups or [];
      options = service.options or {};
    };

  fromAttrs = raw: let
    zone = raw.dns.zone or raw.fleet.domain;
    services = mapAttrs (serviceDefaults raw.hosts) (raw.services or {});
    fqdn = environment: name: let
      prefix = raw.environments.${environment}.dns_prefix or null;
    in
      concatStringsSep "." (
        [name]
        ++ (
          if prefix == null
          then []
          else [prefix]
        )
        ++ [zone]
      );
    hostDefaults = name: host: let
      own = filterAttrs (_: service: service.host == name) services;
      watched = filterAttrs (_: service: service.health != null) own;
      declared = map healthCheck (host.health or []);
      names = map (check: check.name) declared;
    in {
      inherit name;
      inherit (host) environment profiles provider;
      system = host.system or "x86_64-linux";
      description = host.description or name;
      wave = host.wave or 1;
      reachability = host.reachability or "always";
      reboot = host.reboot or "never";
      storage = {layout = "none";} // host.storage or {};
      tags = host.tags or ["server"];
      fqdn = fqdn host.environment name;
      services = mapAttrs (service: settings: settings // {fqdn = fqdn host.environment settings.subdomain;}) own;
      # A declared check of a service's name stands in for the service's own.
      health =
        declared
        ++ map (service: serviceCheck service watched.${service})
        (filter (service: !builtins.elem service names) (attrNames watched));
      sandbox = host.sandbox or {};
    };
    hosts = mapAttrs hostDefaults raw.hosts;
  in {
    inherit hosts services zone;
    inherit (raw.fleet) domain;
    deploy = deployDefaults (raw.deploy or {});
    cache = cacheDefaults (raw.cache or {});
    tailnetSuffix = raw.tailnet.suffix or null;
    # Hosts that are deployed to; the others are images built from the same flake.
    deployable = filterAttrs (_: host: host.provider.kind != "image") hosts;
  };
in {
  inherit fromAttrs;
  fromFile = path: fromAttrs (fromTOML (readFile path));
}
