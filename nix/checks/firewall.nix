# Closed by default; open to a proxy's networks where the inventory says so; the tailnet's interface is trusted.
{
  inputs,
  lib,
  pkgs,
  ...
}: let
  test = import ./support/fleet.nix {inherit inputs;} "[hosts.server]";
  # An interface of the tailnet's name, without the tailnet.
  onTailnet = {
    virtualisation = {
      # With an interface of its own name a machine has no other network by itself.
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
          # The proxy, and nobody else of its network.
          publicSources = ["192.168.1.1/32" "2001:db8:1::1/128"];
        };
      };
      # Numbers follow names: proxy is 192.168.1.1, server .2, stranger .3.
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

      with subtest("an open port of the proxy answers the proxy, over both protocols, and no stranger"):
          proxy.succeed(f"{curl} http://{address}:443/")
          proxy.succeed(f"{curl} 'http://[2001:db8:1::2]:443/'")
          stranger.fail(f"{curl} http://{address}:443/")
          stranger.fail(f"{curl} 'http://[2001:db8:1::2]:443/'")

      with subtest("what nobody opened is closed to both"):
          for port in [80, 9999]:
              proxy.fail(f"{curl} http://{address}:{port}/")
              stranger.fail(f"{curl} http://{address}:{port}/")

      with subtest("the tailnet's interface reaches everything"):
          proxy.succeed(f"{curl} http://192.168.2.2:9999/")

      with subtest("the machine reaches itself and the others"):
          server.succeed(f"{curl} http://127.0.0.1:9999/")
          server.succeed("ping -c 1 -W 5 stranger")

      with subtest("rules are nftables', and survive being loaded again"):
          server.succeed("systemctl reload nftables || systemctl restart nftables")
          proxy.succeed(f"{curl} http://{address}:443/")
          stranger.fail(f"{curl} http://{address}:9999/")
          assert server.succeed("nft list ruleset | grep -c 'tcp dport 443'").strip() != "0"
    '';
  }
