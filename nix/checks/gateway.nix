# The gateway with single sign-on: every request needs a sign-on, the rules are the registry's, and a
# client's own headers do not make it a user.
{
  inputs,
  lib,
  pkgs,
  ...
}: let
  # The directory's own group of administrators is used as the fleet's.
  test = import ./support/fleet.nix {inherit inputs;} ''
    [environments.homelab]
    gateway = "cloud"
    [tailnet]
    admins = "lldap_admin"
    [hosts.cloud]
    [hosts.home]
    [services.lldap]
    host = "cloud"
    port = 17170
    auth = "own"
    [services.auth]
    host = "cloud"
    port = 9091
    public = true
    auth = "own"
    module = "authelia"
    [services.dex]
    host = "cloud"
    port = 5556
    public = true
    auth = "own"
    [services.notes]
    host = "home"
    port = 8000
    public = true
    groups = ["readers"]
    module = "custom"
    [services.vault]
    host = "home"
    port = 8001
    public = true
    mfa = true
    module = "custom"
    [services.music]
    host = "home"
    port = 4533
    public = true
    groups = ["readers"]
    module = "navidrome"
    [services.open]
    host = "home"
    port = 8002
    public = true
    auth = "none"
    module = "custom"
  '';

  # Responds with the headers of the request.
  echo = pkgs.writeText "echo.py" ''
    import http.server, sys
    class Echo(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = str(self.headers).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
    http.server.ThreadingHTTPServer(("", int(sys.argv[1])), Echo).serve_forever()
  '';
  service = port: {
    wantedBy = ["multi-user.target"];
    serviceConfig.ExecStart = "${lib.getExe pkgs.python3} ${echo} ${toString port}";
  };
in
  pkgs.testers.runNixOSTest {
    name = "pantheros-gateway";
    node = {inherit (test) specialArgs;};
    nodes = {
      cloud = test.machine "cloud" {
        imports = [
          (test.secrets {
            lldap-jwt-secret = "a-secret-for-the-directory-of-this-test";
            lldap-admin-password = "directory-password";
            lldap-reader-password = "reader-password";
            authelia-jwt-secret = "a-secret-for-the-tokens-of-this-test";
            authelia-session-secret = "a-secret-for-the-sessions-of-this-test";
            authelia-storage-key = "a-key-for-the-storage-of-this-test-which-is-long";
            dex-environment = "LLDAP_READER_PASSWORD=reader-password";
            cloudflare-dns-token = "none";
          })
        ];
        virtualisation.memorySize = 3072;
        pantheros.services.postgresql.dump.enable = false;
        # Without a certificate authority, Caddy issues the certificates itself.
        security.acme.certs = lib.mkForce {};
        services.caddy.globalConfig = "local_certs";
        services.caddy.virtualHosts = lib.genAttrs (lib.attrNames (import ../lib/registry.nix test.fleet).hosts.cloud.virtualHosts ++ ["*.example.test"]) (_: {useACMEHost = lib.mkForce null;});
        # Every machine may connect in this test.
        networking.firewall-pantheros.publicSources = lib.mkForce [];
      };
      home = test.machine "home" {
        systemd.services = {
          notes = service 8000;
          vault = service 8001;
          open = service 8002;
        };
        networking.firewall.allowedTCPPorts = [4533 8000 8001 8002];
      };
      visitor = {};
    };
    testScript = {nodes, ...}: ''
      import json

      start_all()
      for unit in ["postgresql", "lldap", "authelia-main", "dex", "caddy"]:
          cloud.wait_for_unit(f"{unit}.service")
      for port in [443, 9091, 5556, 17170]:
          cloud.wait_for_open_port(port)
      for port in [4533, 8000, 8001, 8002]:
          home.wait_for_open_port(port)
      visitor.wait_for_unit("multi-user.target")
      address = "${nodes.cloud.networking.primaryIPAddress}"

      def curl(name, *options, cookies=False):
          jar = "--cookie /tmp/jar --cookie-jar /tmp/jar" if cookies else ""
          return f"curl --silent --show-error --insecure --max-time 20 --header 'Accept: text/html' {jar} --resolve {name}.example.test:443:{address} {' '.join(options)} https://{name}.example.test"

      status = "--output /dev/null --write-out '%{http_code} %{redirect_url}'"

      with subtest("a request without a sign-on is refused, with any user header"):
          for header in ["", "--header 'Remote-User: admin' --header 'Remote-Groups: lldap_admin'"]:
              answer = visitor.succeed(curl("notes", status, header) + "/")
              assert answer.startswith("302 https://auth.example.test/"), answer

      with subtest("a service without sign-on is open, and receives no user header of the client's"):
          heard = visitor.succeed(curl("open", "--header 'Remote-User: admin'") + "/")
          assert "Remote-User" not in heard, heard

      with subtest("headers tell browsers to use HTTPS and forbid framing"):
          headers = visitor.succeed(curl("open", "--head --request GET") + "/").lower()
          assert "strict-transport-security: max-age=" in headers, headers
          assert "content-security-policy:" in headers, headers
          assert "server:" not in headers, headers

      with subtest("a wrong password is refused"):
          wrong = json.dumps({"username": "admin", "password": "wrong", "targetURL": "https://notes.example.test/"})
          assert visitor.succeed(curl("auth", status, "--json", f"'{wrong}'", cookies=True) + "/api/firstfactor").startswith("401")
          assert visitor.succeed(curl("notes", status, cookies=True) + "/").startswith("302")

      with subtest("the right password is accepted, and the service receives the user"):
          right = json.dumps({"username": "admin", "password": "directory-password", "targetURL": "https://notes.example.test/"})
          visitor.succeed(curl("auth", "--fail", "--json", f"'{right}'", cookies=True) + "/api/firstfactor")
          heard = visitor.succeed(curl("notes", "--fail", "--header 'Remote-User: mallory'", cookies=True) + "/")
          assert "Remote-User: admin" in heard and "mallory" not in heard, heard

      with subtest("music is behind the sign-on, and its page comes with it"):
          assert visitor.succeed(curl("music", status) + "/app/").startswith("302 https://auth.example.test/")
          page = visitor.succeed(curl("music", "--fail", cookies=True) + "/app/")
          assert "Navidrome" in page, page

      with subtest("a service that requires a second factor refuses one factor"):
          assert visitor.succeed(curl("vault", status, cookies=True) + "/").startswith("302")

      with subtest("the directory has the groups of the rules, and creating them twice changes nothing"):
          cloud.wait_for_unit("pantheros-directory-groups.service")
          cloud.succeed("systemctl restart pantheros-directory-groups.service")
          told = cloud.succeed("journalctl --output cat --unit pantheros-directory-groups.service")
          assert told.count("created the group readers") == 1, told

      with subtest("Dex publishes its public name as the issuer"):
          issuer = json.loads(visitor.succeed(curl("dex", "--fail") + "/.well-known/openid-configuration"))["issuer"]
          assert issuer == "https://dex.example.test", issuer

      with subtest("an unknown name is not found, and LDAP does not listen on the network"):
          assert visitor.succeed(curl("nothing", status) + "/").startswith("404")
          visitor.succeed(f"timeout 3 bash -c '</dev/tcp/{address}/443'")
          for port in [3890, 9091, 17170]:
              visitor.fail(f"timeout 3 bash -c '</dev/tcp/{address}/{port}'")
    '';
  }
