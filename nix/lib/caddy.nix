# What Caddy reads, as text: `services.caddy.globalConfig`, `.extraConfig` and each virtual host's `extraConfig`. Pure.
let
  inherit (builtins) concatStringsSep;

  # forward_auth and reverse_proxy pass on what a trusted proxy says in X-Forwarded-*, and a proxy like Cloudflare's passes on
  # what a visitor says there (modules/caddyhttp/reverseproxy, addForwardedHeaders). Authelia would then judge another
  # service than the one that is served. So they are made anew from the request itself: the host and protocol by Caddy,
  # the address from what `client_ip_headers` gave.
  # Who claims to be somebody in a header of their own is nobody: forward_auth alone would let such a header through where
  # the answer has none of that name.
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
  # Metrics carry labels of Caddy's own only (server, handler, status, method). With `per_host` a label would be what a
  # stranger writes into Host, with its port: series without end (modules/caddyhttp/metrics.go).
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
      # One directive each: in one, a service that sends any of them would get none of the others.
      header ?Content-Security-Policy "${contentSecurityPolicy}"
      header ?X-Content-Type-Options nosniff
      header ?Referrer-Policy strict-origin-when-cross-origin
    }
  '';

  # A `route` runs its directives as written.
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
