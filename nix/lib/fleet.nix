# The inventory as Nix sees it: fleet.toml with its defaults filled in and names derived.
# What a well-formed inventory is, is decided by the program (inventory/schema.ts), which refuses a bad
# file before any Nix runs; here only what would make a host silently wrong is an error.
# Pure builtins: the flakes of the real and of the sandbox hosts share it.
let
  inherit (builtins) attrNames concatStringsSep filter fromTOML hasAttr mapAttrs readFile;

  filterAttrs = keep: set:
    removeAttrs set (filter (name: !keep name set.${name}) (attrNames set));

  inherit (import ./health.nix) healthCheck serviceChecks;

  deployDefaults = deploy: {
    user = deploy.user or "deploy";
    sources = deploy.sources or [];
    authorizedKeys = deploy.authorized_keys or [];
    probeKeys = deploy.probe_keys or [];
    confirmSeconds = deploy.confirm_seconds or 30;
    healthSeconds = deploy.health_seconds or 60;
    healthPeriodSeconds = deploy.health_period_seconds or 2;
    switchSeconds = deploy.switch_seconds or 300;
    rebootSeconds = deploy.reboot_seconds or 300;
    address = deploy.address or "tailnet";
    trustedBuilders = deploy.trusted_builders or [];
  };

  cacheDefaults = cache: {
    url = cache.url or null;
    publicKey = cache.public_key or null;
    name = cache.name or "cache";
    host = cache.host or null;
    cachix =
      if cache ? cachix
      then {
        inherit (cache.cachix) name;
        publicKey = cache.cachix.public_key;
      }
      else null;
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
      mfa = service.mfa or false;
      metrics = service.metrics or null;
      backup = service.backup or [];
      module = service.module or name;
      options = service.options or {};
    };

  # Mount options belong to a class, and a class to one file system (lib/storage.nix).
  mountDefaults = _: class:
    {
      inherit (class) mount;
      options = class.options or [];
    }
    // (
      if class ? size
      then {inherit (class) size;}
      else {}
    )
    // (
      if class ? reason
      then {inherit (class) reason;}
      else {}
    );

  roleDefaults = _: role: {
    groups = role.groups or [];
    directoryGroups = role.directory_groups or [];
    sudo = role.sudo or [];
    capabilities = role.capabilities or [];
  };

  userDefaults = _: user: {
    inherit (user) role;
    description = user.description or "";
    email = user.email or null;
    shell = user.shell or "bash";
    authorizedKeys = user.authorized_keys or [];
    passwordSecret = user.password_secret or null;
    containers = user.containers or false;
    workspace = user.workspace or false;
    hosts = user.hosts or "all";
  };

  routerDefaults = router: {
    inherit (router) wan;
    lan = {
      inherit (router.lan) interface address network;
      prefixLength = router.lan.prefix_length or 24;
    };
    dhcp =
      if router ? dhcp
      then {
        enable = true;
        inherit (router.dhcp) from to;
      }
      else {enable = false;};
    shaping = {
      downMbit = router.down_mbit or null;
      upMbit = router.up_mbit or null;
    };
  };

  portDefaults = ports: {
    ssh = ports.ssh or 22;
    tailscale = ports.tailscale or 41641;
    http = ports.http or 80;
    https = ports.https or 443;
  };

  # Decommissioned hosts, and the services on them, are as if they were not there.
  inService = whole: let
    gone = name: (whole.hosts.${name} or {}) ? decommission;
  in
    whole
    // {
      hosts = filterAttrs (name: _: !gone name) whole.hosts;
      services = filterAttrs (_: service: !gone service.host) (whole.services or {});
    };

  fromAttrs = whole: let
    raw = inService whole;
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
      declared = map healthCheck (host.health or []);
      names = map (check: check.name) declared;
    in {
      inherit name;
      inherit (host) environment profiles provider;
      formerly = host.formerly or null;
      system = host.system or "x86_64-linux";
      description = host.description or name;
      wave = host.wave or 1;
      reachability = host.reachability or "always";
      reboot = host.reboot or "never";
      buildKey = host.build_key or null;
      storage = {layout = "none";} // host.storage or {} // {classes = mapAttrs mountDefaults (host.storage.classes or {});};
      users = filterAttrs (_: user: user.hosts == "all" || builtins.elem name user.hosts) users;
      # Where its service account reads its secrets: an item in its own vault, or in that of its environment.
      secretsItem =
        if host ? vault
        then "op://${host.vault}/${name}"
        else "op://${raw.environments.${host.environment}.vault or "${raw.fleet.vault or "pantherOS"}-${host.environment}"}/${host.environment}";
      router =
        if host ? router
        then routerDefaults host.router
        else null;
      backup = host.backup or [];
      tags = host.tags or ["server"];
      fqdn = fqdn host.environment name;
      services = mapAttrs (_: settings: settings // {fqdn = fqdn host.environment settings.subdomain;}) own;
      # A declared check of a service's name stands in for the service's own.
      health =
        declared
        ++ filter (check: !builtins.elem check.name names)
        (builtins.concatMap (service: serviceChecks service own.${service}) (attrNames own));
      sandbox = host.sandbox or {};
    };
    hosts = mapAttrs hostDefaults raw.hosts;
    users = mapAttrs userDefaults (raw.users or {});
  in {
    inherit users;
    roles = mapAttrs roleDefaults (raw.roles or {});
    mounts = mapAttrs mountDefaults (raw.mounts or {});
    ports = portDefaults (raw.ports or {});
    inherit hosts services;
    inherit (raw.fleet) domain;
    deploy = deployDefaults (raw.deploy or {});
    cache = cacheDefaults (raw.cache or {});
    inherit zone;
    tailnetSuffix = raw.tailnet.suffix or null;
    # The group that may reach everything.
    admins = raw.tailnet.admins or "admins";
    # Environment -> host that serves the public names of its services; null: each host its own.
    gateways = mapAttrs (_: environment: environment.gateway or null) (raw.environments or {});
    # Where the buckets are, and what each is called at the vendor.
    region = raw.storage.region or null;
    buckets = raw.buckets or {};
    # Hosts that are deployed to; the others are images built from the same flake.
    deployable = filterAttrs (_: host: host.provider.kind != "image") hosts;
  };
in {
  inherit fromAttrs;
  fromFile = path: fromAttrs (fromTOML (readFile path));
}
