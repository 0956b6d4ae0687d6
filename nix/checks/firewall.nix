# Closed by default, open to a proxy's networks with the inventory's setting, and open on the tailnet's interface.
{
  inputs,
  lib,
  pkgs,
  ...
}: let
  test = import ./support/fleet.nix {inherit inputs;} "[hosts.server]";
  # An interface with the tailnet's name, without a tailnet.
  onTailnet = {
    virtualisation = {
      # With `interfaces` set, the test driver adds no other network.
      vlans = [1];
      interfaces.tailscale0 = {
        vlan = 2;
        assignIP = true;
      };
    };
  };
  listener = port: {
    wantedBy = ["multi-user.target"];
    serviceConfig.ExecStart = "${lib.getExe pkgs.python3} -m http.server --bind :: ${toString port}";
  };
in
  pkgs.testers.runNixOSTest {
    name = "pantheros-firewall";
    node = {inherit (test) specialArgs;};
    nodes = {
      server = test.machine "server" {
        imports = [onTailnet];
        systemd.services = {
          listener-80 = listener 80;
          listener-443 = listener 443;
          listener-9999 = listener 9999;
        };
        networking.firewall-pantheros = {
          publicPorts = [443];
          # Only the proxy, no other machine of its network.
          publicSources = ["192.168.1.1/32" "2001:db8:1::1/128"];
        };
      };
      # Addresses follow the names' order: proxy is 192.168.1.1, server .2, stranger .3.
      proxy.imports = [onTailnet];
      stranger = {};
    };
    testScript = {nodes, ...}: ''
      start_all()
      server.wait_for_unit("multi-user.target")
      for port in [80, 443, 9999]:
          server.wait_for_open_port(port)
      proxy.wait_for_unit("multi-user.target")
      stranger.wait_for_unit("multi-user.target")
      assert "${nodes.proxy.networking.primaryIPAddress}" == "192.168.1.1"
      address = "${nodes.server.networking.primaryIPAddress}"
      curl = "curl --silent --fail --output /dev/null --connect-timeout 3 --max-time 5"

      with subtest("a port that is open to the proxy answers the proxy over IPv4 and IPv6, and no other machine"):
          proxy.succeed(f"{curl} http://{address}:443/")
          proxy.succeed(f"{curl} 'http://[2001:db8:1::2]:443/'")
          stranger.fail(f"{curl} http://{address}:443/")
          stranger.fail(f"{curl} 'http://[2001:db8:1::2]:443/'")

      with subtest("other ports are closed to both"):
          for port in [80, 9999]:
              proxy.fail(f"{curl} http://{address}:{port}/")
              stranger.fail(f"{curl} http://{address}:{port}/")

      with subtest("the tailnet's interface reaches everything"):
          proxy.succeed(f"{curl} http://192.168.2.2:9999/")

      with subtest("the machine reaches itself and the others"):
          server.succeed(f"{curl} http://127.0.0.1:9999/")
          server.succeed("ping -c 1 -W 5 stranger")

      with subtest("the rules are nftables rules, and reloading keeps them"):
          server.succeed("systemctl reload nftables || systemctl restart nftables")
          proxy.succeed(f"{curl} http://{address}:443/")
          stranger.fail(f"{curl} http://{address}:9999/")
          assert server.succeed("nft list ruleset | grep -c 'tcp dport 443'").strip() != "0"
    '';
  }
