# Caddy's configuration as text: `services.caddy.globalConfig`, `.extraConfig` and each virtual host's
# `extraConfig`. Pure.
let
  inherit (builtins) concatStringsSep;

  # forward_auth and reverse_proxy forward the X-Forwarded-* headers of a trusted proxy, and a proxy
  # such as Cloudflare's forwards those of the visitor (modules/caddyhttp/reverseproxy,
  # addForwardedHeaders). Authelia would then check a different service than the one that is served. So
  # Caddy makes them anew: host and protocol from the request, the address from `client_ip_headers`.
  # Names by which services accept a user or an address from a proxy are removed too: forward_auth keeps each
  # that Authelia's answer does not set. `*_*`: applications read Remote_User and Remote-User as one header
  # (nginx, underscores_in_headers).
  claimed = [
    "*_*"
    "CF-Access-*"
    "CF-Connecting-*"
    "Client-IP"
    "*-Client-IP"
    "Forwarded*"
    "Remote-*"
    "SSL-*"
    "Tailscale-*"
    "X-Auth-Request-*"
    "X-Authelia-*"
    "X-Authenticated-*"
    "X-Authentik-*"
    "X-Client-Cert*"
    "X-Forwarded*"
    "X-Original*"
    "X-Proxy-*"
    "X-Real-*"
    "X-Remote-*"
    "X-Rewrite-*"
    "X-SSL-*"
    "X-WebAuth-*"
  ];
  claims = concatStringsSep "\n" (
    map (name: "request_header -${name}") claimed
    ++ map (name: "request_header ${name} {client_ip}") ["X-Forwarded-For" "CF-Connecting-IP"]
  );

  signOn = vhost:
    if vhost.forwardAuth == null
    then ""
    else ''
      forward_auth ${vhost.forwardAuth} {
        uri /api/authz/forward-auth
        copy_headers Remote-User Remote-Groups Remote-Name Remote-Email
      }'';
in {
  # The labels of metrics are Caddy's own (server, handler, status, method). With `per_host`, a visitor
  # could create any number of series through the Host header (modules/caddyhttp/metrics.go).
  globals = {trustedProxies}: ''
    grace_period 10s
    metrics
    servers {
      trusted_proxies static ${concatStringsSep " " trustedProxies}
      trusted_proxies_strict
      client_ip_headers CF-Connecting-IP X-Forwarded-For
    }
  '';

  headers = {
    hstsSeconds,
    contentSecurityPolicy,
  }: ''
    (pantheros-headers) {
      header {
        Strict-Transport-Security "max-age=${toString hstsSeconds}; includeSubDomains"
        -Server
      }
      # One directive per header: in a shared one, a service that sets one header would lose the other defaults.
      header ?Content-Security-Policy "${contentSecurityPolicy}"
      header ?X-Content-Type-Options nosniff
      header ?Referrer-Policy strict-origin-when-cross-origin
    }
  '';

  # `route` keeps the order of its directives.
  site = vhost: ''
    import pantheros-headers
    encode zstd gzip
    route {
      ${claims}
      ${signOn vhost}
      reverse_proxy ${vhost.upstream}
    }
  '';
}
