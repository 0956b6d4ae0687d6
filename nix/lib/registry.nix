# The constellation: `[services.*]` of the inventory -> what each host does about them. A service is written once; its
# virtual host, sign-on rule, open ports, scrape, probe and backup are all made here, and only here.
# Pure builtins, data in and data out: NixOS modules read the result, tests compare it.
fleet: let
  inherit (builtins) any attrNames attrValues concatLists concatStringsSep elem elemAt filter genList head isString length listToAttrs split;

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

  # Hosts talk to each other over the tailnet, by name; a host talks to itself without it.
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

  # The certificate that covers a name is its parent's wildcard.
  parentOf = fqdn: let
    labels = filter isString (split "\\." fqdn);
  in
    concatStringsSep "." (genList (i: elemAt labels (i + 1)) (length labels - 1));

  # Modules that ask PostgreSQL of their host for a database; modules/services/postgresql compares.
  needsDatabase = service: elem service.module ["attic" "authelia" "dex" "grafana" "lldap"];

  signOn = let
    found = runs "authelia";
  in
    if found == []
    then null
    else head found;

  needsSignOn = service: service.public && service.protocol == "http" && service.auth == "sso";

  # Two-step so that the message names the service, and only when something asks for its sign-on.
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
      upstream = "${addressFrom gateway service}:${toString service.port}";
      forwardAuth =
        if service.auth == "sso"
        then let
          authelia = signOnFor service;
        in "${addressFrom gateway authelia}:${toString authelia.port}"
        else null;
    };
  };

  # The binary cache's public name is not the service's own: `[cache] name`, on the host that serves the cache.
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

  # "/metrics?a=b" -> path and parameters, as Prometheus wants them.
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

  # Other hosts reach a service when its name is served elsewhere, or when it has no name and the tailnet is the way in.
  reachedFromOutside = service:
    gatewayOf service
    != service.host
    || !service.public
    || service.metrics != null && any (monitor: monitor.host != service.host) (runs "prometheus")
    || signOn != null && service.name == signOn.name && any (other: needsSignOn other && gatewayOf other != service.host) services;

  # Every name that the world may ask for, with the path that is asked after: those of services, and the cache's, which is
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
    open = filter reachedFromOutside own;
    # The cache's name leads here also where something else than Attic answers to it.
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
      # Everything public comes through Cloudflare, so nobody else needs to reach the ports.
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
    # NixOS module -> the service it runs here.
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

  # Where a service of the fleet is reached from a host: "HOST:PORT", or null when nobody runs that module.
  locate = from: module: let
    found = runs module;
  in
    if found == []
    then null
    else "${addressFrom from (head found)}:${toString (head found).port}";

  # Its full name, likewise.
  nameFor = module: let
    found = runs module;
  in
    if found == []
    then null
    else fqdnOf (head found);

  # Sign-on, as Authelia wants it: administrators everywhere, a service's groups at that service, nobody else.
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

  # Every group that a rule names.
  groups = unique ([fleet.admins] ++ concatLists (map (service: service.groups) (filter needsSignOn services)));

  inherit hosts;

  # What the monitor must hear of, so that silence is no health: who has what.
  expected = {
    hosts = deployed (host: _: host.reachability == "always" && elem "server" host.tags);
    probes = publicNames;
    # Gateway -> names it serves.
    gateways = listToAttrs (map (name: {
      inherit name;
      value = attrNames hosts.${name}.virtualHosts;
    }) (deployed (_: own: own.virtualHosts != {})));
    dumps = deployed (_: own: own.database);
    backups = deployed (_: own: own.backup != []);
  };

  # Buckets of an environment for a purpose: what the vendor calls it, or null.
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
