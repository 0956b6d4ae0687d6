# Caddy's configuration as text: `services.caddy.globalConfig`, `.extraConfig` and each virtual host's
# `extraConfig`. Pure.
let
  inherit (builtins) concatStringsSep;

  # forward_auth and reverse_proxy forward the X-Forwarded-* headers of a trusted proxy, and a proxy
  # such as Cloudflare's forwards those of the visitor (modules/caddyhttp/reverseproxy,
  # addForwardedHeaders). Authelia would then check a different service than the one that is served. So
  # Caddy makes them anew: host and protocol from the request, the address from `client_ip_headers`.
  # A visitor's own Remote-* headers are removed: forward_auth keeps each one that Authelia's answer does not set.
  claims = ''
    request_header -X-Forwarded-*
    request_header -X-Original-*
    request_header -X-Real-IP
    request_header -Forwarded
    request_header -Remote-*
    request_header X-Forwarded-For {client_ip}'';

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
