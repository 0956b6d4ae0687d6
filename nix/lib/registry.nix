# The service registry: `[services.*]` of the inventory -> what each host does for them. A service is written once;
# its virtual host, sign-on rule, open ports, scrape, probe and backup are all derived here.
# Pure builtins: NixOS modules read the result, and tests compare it.
fleet: let
  inherit (builtins) any attrNames attrValues concatLists concatStringsSep elem elemAt filter genList head isString length listToAttrs split;

  # Modules that are reached over a Unix socket of their host, and listen on no port.
  sockets = {control-centre = (import ./control-centre-sockets.nix).proxy;};
  listensOnPort = service: !(sockets ? ${service.module});

  services = attrValues fleet.services;
  runs = module: filter (service: service.module == module) services;
  unique = list:
    builtins.foldl' (known: item:
      if elem item known
      then known
      else known ++ [item]) []
    list;

  hostNamed = name: fleet.hosts.${name};
  fqdnOf = service: (hostNamed service.host).services.${service.name}.fqdn;

  # Hosts reach each other over the tailnet by name; a host reaches itself over loopback.
  addressFrom = host: service:
    if service.host == host
    then "127.0.0.1"
    else nameOf service.host;
  nameOf = host:
    if fleet.tailnetSuffix == null
    then host
    else "${host}.${fleet.tailnetSuffix}";

  gatewayOf = service: let
    gateway = fleet.gateways.${(hostNamed service.host).environment} or null;
  in
    if gateway == null
    then service.host
    else gateway;

  # A name is covered by the wildcard certificate of its parent.
  parentOf = fqdn: let
    labels = filter isString (split "\\." fqdn);
  in
    concatStringsSep "." (genList (i: elemAt labels (i + 1)) (length labels - 1));

  # Names of slots have no dashes.
  slotOf = host: "replica_${builtins.replaceStrings ["-"] ["_"] host}";

  # Modules that need a database on their host's PostgreSQL; modules/services/postgresql compares this list.
  needsDatabase = service: elem service.module ["attic" "authelia" "dex" "forgejo" "grafana" "immich" "lldap"];

  signOn = let
    found = runs "authelia";
  in
    if found == []
    then null
    else head found;

  needsSignOn = service: service.public && service.protocol == "http" && service.auth == "sso";

  # In two steps, so that the error names the service and occurs only when a rule needs its sign-on.
  signOnFor = service:
    if signOn == null
    then throw "services.${service.name}: auth = \"sso\", but no service has module = \"authelia\": add one, or set auth to \"own\" or \"none\""
    else signOn;

  virtualHost = gateway: service: fqdn: {
    name = fqdn;
    value = {
      service = service.name;
      inherit (service) auth proxied;
      certificate = parentOf fqdn;
      upstream =
        if listensOnPort service
        then "${addressFrom gateway service}:${toString service.port}"
        else if service.host == gateway
        then "unix/${sockets.${service.module}}"
        else throw "services.${service.name}.host: ${service.module} is reached over a socket, so it must run on ${gateway}, which serves its name";
      forwardAuth =
        if service.auth == "sso"
        then let
          authelia = signOnFor service;
        in "${addressFrom gateway authelia}:${toString authelia.port}"
        else null;
    };
  };

  # The binary cache's public name is `[cache] name`, on the host that serves the cache, and not the
  # service's own name.
  cacheNames = gateway:
    if fleet.cache.host != gateway
    then []
    else
      map (service:
        virtualHost gateway (service
          // {
            auth = "own";
            proxied = false;
          })
        cacheName)
      (filter (service: service.host == gateway) (runs "attic"));
  cacheName = "${fleet.cache.name}.${parentOf (hostNamed fleet.cache.host).fqdn}";

  virtualHostsOf = gateway:
    listToAttrs (
      map (service: virtualHost gateway service (fqdnOf service))
      (filter (service: service.public && service.protocol == "http" && gatewayOf service == gateway) services)
      ++ cacheNames gateway
    );

  # "/metrics?a=b" -> path and parameters, in Prometheus' form.
  scrapeOf = monitor: service: let
    parts = filter isString (split "\\?" service.metrics);
    pairs =
      if length parts < 2
      then []
      else map (pair: filter isString (split "=" pair)) (filter isString (split "&" (elemAt parts 1)));
  in {
    job = service.name;
    target = "${addressFrom monitor service}:${toString service.port}";
    path = head parts;
    params = listToAttrs (map (pair: {
        name = head pair;
        value = [(elemAt pair 1)];
      })
      pairs);
  };

  # Other hosts need a service when one of them serves its name, or when it has no name and is used over the tailnet.
  reachedFromOutside = service:
    gatewayOf service
    != service.host
    || !service.public
    || service.metrics != null && any (monitor: monitor.host != service.host) (runs "prometheus")
    || signOn != null && service.name == signOn.name && any (other: needsSignOn other && gatewayOf other != service.host) services;

  # Every public name with the path that probes request: those of services, and the cache's, which is
  # served directly.
  publicNames =
    map (service: "https://${fqdnOf service}${
      if isString service.health
      then service.health
      else "/"
    }") (filter (service: service.public && service.protocol == "http") services)
    ++ concatLists (map (name: map (entry: "https://${entry.name}/") (cacheNames name)) (attrNames fleet.hosts));

  deployed = keep: filter (name: keep fleet.hosts.${name} hosts.${name}) (attrNames fleet.deployable);
  hosts = builtins.mapAttrs perHost fleet.hosts;

  perHost = name: host: let
    own = filter (service: service.host == name) services;
    virtualHosts = virtualHostsOf name;
    vhosts = attrValues virtualHosts;
    open = filter (service: listensOnPort service && reachedFromOutside service) own;
    # The cache's name leads here even if a service other than Attic serves it.
    servesCache = fleet.cache.host == name;
    serves = vhosts != [] || servesCache;
  in {
    inherit virtualHosts;
    certificates = unique (map (vhost: vhost.certificate) vhosts);
    firewall = {
      public =
        if serves
        then [80 443]
        else [];
      # All public requests come through Cloudflare, so only its networks need the ports.
      cloudflareOnly = serves && !servesCache && !(any (vhost: !vhost.proxied) vhosts);
      tailnet = builtins.sort builtins.lessThan (map (service: service.port) open);
    };
    # Service -> address it listens on.
    listen = listToAttrs (map (service: {
        inherit (service) name;
        value =
          if reachedFromOutside service
          then "0.0.0.0"
          else "127.0.0.1";
      })
      own);
    # NixOS module -> the service that it runs here.
    modules = listToAttrs (map (service: {
        name = service.module;
        value = service.name;
      })
      (filter (service: service.module != "custom") own));
    backup = unique (
      host.backup ++ concatLists (map (service: service.backup) own)
    );
    database = any needsDatabase own;
    scrapes =
      if any (monitor: monitor.host == name) (runs "prometheus")
      then map (scrapeOf name) (filter (service: service.metrics != null) services)
      else [];
    probes =
      if any (monitor: monitor.host == name) (runs "prometheus")
      then publicNames
      else [];
  };
in {
  inherit nameOf cacheName;

  # Address at which a host reaches the service with that module: "HOST:PORT", or null without such a service.
  locate = from: module: let
    found = runs module;
  in
    if found == []
    then null
    else "${addressFrom from (head found)}:${toString (head found).port}";

  # Its full name, or null.
  nameFor = module: let
    found = runs module;
  in
    if found == []
    then null
    else fqdnOf (head found);

  # Replicas of a host's PostgreSQL, with the slot that keeps changes for each.
  replicasOf = primary:
    map (service: {
      inherit (service) host;
      slot = slotOf service.host;
    }) (filter (service: (service.options.primary or null) == primary) (runs "postgresql-replica"));
  inherit slotOf;

  # The service with which a host's PostgreSQL listens for replicas, or null.
  primaryOf = name: let
    found = filter (service: service.host == name) (runs "postgresql");
  in
    if found == []
    then null
    else head found;

  # Whether the OpenID Connect issuer has a client with that id.
  hasDexClient = id: any (dex: any (client: client.id == id) (dex.options.clients or [])) (runs "dex");

  # Authelia's access rules: administrators may use every service, the groups of a service that service,
  # and all others nothing.
  accessRules =
    map (service: {
      domain = fqdnOf service;
      policy =
        if service.mfa
        then "two_factor"
        else "one_factor";
      subject = map (group: "group:${group}") (unique ([fleet.admins] ++ service.groups));
    })
    (filter needsSignOn services);

  # All groups in these rules.
  groups = unique ([fleet.admins] ++ concatLists (map (service: service.groups) (filter needsSignOn services)));

  inherit hosts;

  # What the monitor must receive from each host, so that a missing metric raises an alert.
  expected = {
    hosts = deployed (host: _: host.reachability == "always" && elem "server" host.tags);
    probes = publicNames;
    # Gateway -> names that it serves.
    gateways = listToAttrs (map (name: {
      inherit name;
      value = attrNames hosts.${name}.virtualHosts;
    }) (deployed (_: own: own.virtualHosts != {})));
    dumps = deployed (_: own: own.database);
    backups = deployed (_: own: own.backup != []);
    replicas = deployed (_: own: own.modules ? postgresql-replica);
  };

  # The vendor's name of an environment's bucket for a purpose, or null.
  bucket = environment: purpose: let
    found = filter (bucket: bucket.environment == environment && bucket.purpose == purpose) (attrValues fleet.buckets);
  in
    if found == []
    then null
    else (head found).name;
  inherit (fleet) region;
  endpoint =
    if fleet.region == null
    then null
    else "https://s3.${fleet.region}.backblazeb2.com";
}
