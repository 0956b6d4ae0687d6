# The inventory for Nix: fleet.toml with its defaults filled in and names derived.
# The program (inventory/schema.ts) checks an inventory and refuses a bad one before Nix runs; here an
# error is raised only for what would configure a host wrongly without any message.
# Pure builtins, because the flakes of the real hosts and of the sandbox hosts share it.
let
  inherit (builtins) attrNames concatStringsSep elemAt filter fromTOML genList hasAttr length mapAttrs readFile;

  defaults = import ./defaults.nix;

  filterAttrs = keep: set:
    removeAttrs set (filter (name: !keep name set.${name}) (attrNames set));

  # The same format as `firstNames` of lib/names.ts.
  firstNames = names: let
    left = length names - 10;
    shown = concatStringsSep ", " (genList (elemAt names) (
      if left > 0
      then 10
      else length names
    ));
  in
    if left > 0
    then "${shown} and ${toString left} more"
    else shown;

  inherit (import ./health.nix) healthCheck serviceChecks;

  deployDefaults = given: let
    deploy = defaults.deploy // given;
  in {
    inherit (deploy) user sources address;
    authorizedKeys = deploy.authorized_keys;
    probeKeys = deploy.probe_keys;
    confirmSeconds = deploy.confirm_seconds;
    healthSeconds = deploy.health_seconds;
    healthPeriodSeconds = deploy.health_period_seconds;
    switchSeconds = deploy.switch_seconds;
    rebootSeconds = deploy.reboot_seconds;
    trustedBuilders = deploy.trusted_builders;
  };

  cacheDefaults = given: let
    cache = defaults.cache // given;
  in {
    inherit (cache) name;
    url = cache.url or null;
    publicKey = cache.public_key or null;
    host = cache.host or null;
    cachix =
      if cache ? cachix
      then {
        inherit (cache.cachix) name;
        publicKey = cache.cachix.public_key;
      }
      else null;
  };

  serviceDefaults = hosts: name: given: let
    service = defaults.services // given;
  in
    if !hasAttr service.host hosts
    then throw "services.${name}.host: unknown host \"${service.host}\"; hosts are ${firstNames (attrNames hosts)}"
    else {
      inherit name;
      inherit (service) host port public auth protocol groups mfa backup;
      description = service.description or name;
      proxied = service.proxied or service.public;
      subdomain = service.subdomain or name;
      health = service.health or null;
      metrics = service.metrics or null;
      module = service.module or name;
      options = service.options or {};
    };

  # Mount options belong to a class, because each class is a file system of its own (lib/storage.nix).
  mountDefaults = _: class: defaults.mounts // class;

  roleDefaults = _: given: let
    role = defaults.roles // given;
  in {
    inherit (role) groups sudo capabilities;
    directoryGroups = role.directory_groups;
    operatorKeys = role.operator_keys;
    restartUnits = role.restart_units;
  };

  userDefaults = _: given: let
    user = defaults.users // given;
  in {
    inherit (user) role shell containers workspace hosts;
    description = user.description or "";
    email = user.email or null;
    authorizedKeys = user.authorized_keys;
    passwordSecret = user.password_secret or null;
  };

  routerDefaults = router: {
    inherit (router) wan;
    lan = let
      lan = defaults."hosts.router.lan" // router.lan;
    in {
      inherit (lan) interface address network;
      prefixLength = lan.prefix_length;
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

  # Decommissioned hosts and their services are left out.
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
    hostDefaults = name: given: let
      host = defaults.hosts // given;
      own = filterAttrs (_: service: service.host == name) services;
      declared = map healthCheck (host.health or []);
      names = map (check: check.name) declared;
    in {
      inherit name;
      inherit (host) environment profiles provider system wave reachability reboot backup tags;
      formerly = host.formerly or null;
      description = host.description or name;
      buildKey = host.build_key or null;
      sshSources = host.ssh.sources or [];
      # The same rule as inventory/ssh.ts.
      sshPort = host.ssh.port or host.provider.ssh_port or ports.ssh;
      storage = host.storage // {classes = mapAttrs mountDefaults (host.storage.classes or {});};
      users = filterAttrs (_: user: user.hosts == "all" || builtins.elem name user.hosts) users;
      # Where its service account reads its secrets: an item in the vault of the host, or of its environment.
      secretsItem =
        if host ? vault
        then "op://${host.vault}/${name}"
        else "op://${raw.environments.${host.environment}.vault or "${raw.fleet.vault or defaults.fleet.vault}-${host.environment}"}/${host.environment}";
      router =
        if host ? router
        then routerDefaults host.router
        else null;
      fqdn = fqdn host.environment name;
      services = mapAttrs (_: settings: settings // {fqdn = fqdn host.environment settings.subdomain;}) own;
      # A declared check with a service's name replaces the service's own check.
      health =
        declared
        ++ filter (check: !builtins.elem check.name names)
        (builtins.concatMap (service: serviceChecks service own.${service}) (attrNames own));
      extra = host.extra or {};
    };
    ports = defaults.ports // raw.ports or {};
    hosts = mapAttrs hostDefaults raw.hosts;
    users = mapAttrs userDefaults (raw.users or {});
  in {
    inherit users;
    roles = mapAttrs roleDefaults (raw.roles or {});
    mounts = mapAttrs mountDefaults (raw.mounts or {});
    inherit hosts ports services;
    inherit (raw.fleet) domain;
    vault = raw.fleet.vault or defaults.fleet.vault;
    deploy = deployDefaults (raw.deploy or {});
    cache = cacheDefaults (raw.cache or {});
    inherit zone;
    tailnetSuffix = raw.tailnet.suffix or null;
    # The group that may use every service.
    admins = raw.tailnet.admins or defaults.tailnet.admins;
    # Environment -> host that serves the public names of its services; null: each host serves its own.
    gateways = mapAttrs (_: environment: environment.gateway or null) (raw.environments or {});
    # Limits that the fleet promises.
    budgets = raw.budgets or {};
    # The region of the buckets, and each bucket's name at the vendor.
    region = raw.storage.region or null;
    buckets = raw.buckets or {};
    # Hosts that are deployed to; the others are images built from the same flake.
    deployable = filterAttrs (_: host: host.provider.kind != "image") hosts;
  };
in {
  inherit fromAttrs;
  fromFile = path: fromAttrs (fromTOML (readFile path));
}
