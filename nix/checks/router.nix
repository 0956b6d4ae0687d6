# A router between two networks: addresses, names and internet access for the local network; access to
# it for the tailnet, and for no other machine.
{
  inputs,
  lib,
  pkgs,
  ...
}: let
  test = import ./support/fleet.nix {inherit inputs;} ''
    [hosts.router]
    profiles = ["server", "router"]
    [hosts.router.router]
    wan = "eth1"
    lan = { interface = "eth2", address = "192.168.2.254", network = "192.168.2.0/24" }
    dhcp = { from = "192.168.2.100", to = "192.168.2.199" }
  '';
  denied = pkgs.writeText "denied" "ads.example.org\n";
in
  pkgs.testers.runNixOSTest {
    name = "pantheros-router";
    node = {inherit (test) specialArgs;};
    nodes = {
      # The internet: a web server, and the router's upstream resolver.
      internet = {
        virtualisation.vlans = [1];
        networking.firewall.enable = false;
        systemd.services.web = {
          wantedBy = ["multi-user.target"];
          serviceConfig.ExecStart = "${lib.getExe pkgs.python3} -m http.server 80";
        };
        services.dnsmasq = {
          enable = true;
          settings = {
            no-resolv = true;
            address = ["/web.example.org/192.168.1.1" "/ads.example.org/192.168.1.1"];
          };
        };
      };
      # A device of the tailnet, which is a wire here.
      member.virtualisation.vlans = [3];
      router = test.machine "router" {
        virtualisation = {
          vlans = [1 2];
          interfaces.tailscale0 = {
            vlan = 3;
            assignIP = true;
          };
        };
        # The test driver's addresses on both sides, except the router's own one in the local network.
        systemd.network.networks."10-wan" = {
          networkConfig.DHCP = lib.mkForce "no";
          address = ["192.168.1.2/24"];
        };
        networking.interfaces = {
          eth1.ipv4.addresses = lib.mkForce [];
          eth2.ipv4.addresses = lib.mkForce [];
        };
        pantheros.router.dns = {
          upstreams = lib.mkForce ["192.168.1.1"];
          bootstrap = lib.mkForce ["192.168.1.1"];
          denylists = lib.mkForce ["${denied}"];
        };
      };
      visitor = {
        virtualisation.vlans = [2];
        networking = {
          # Only the router's firewall must block strangers, so the other machines have none.
          firewall.enable = false;
          useNetworkd = true;
          useDHCP = false;
          interfaces.eth1.ipv4.addresses = lib.mkForce [];
          nameservers = lib.mkForce [];
        };
        systemd.network.networks."10-house" = {
          matchConfig.Name = "eth1";
          networkConfig.DHCP = "ipv4";
        };
        environment.systemPackages = [pkgs.dnsutils];
      };
    };
    testScript = ''
      start_all()
      internet.wait_for_unit("dnsmasq.service")
      internet.wait_for_open_port(80)
      router.wait_for_unit("kea-dhcp4-server.service")
      router.wait_for_unit("blocky.service")
      router.wait_for_open_port(53)

      with subtest("a client gets an address from the pool, a default route and a resolver"):
          visitor.wait_until_succeeds("ip -4 address show dev eth1 | grep -E 'inet 192\\.168\\.2\\.1[0-9][0-9]/24'")
          assert "via 192.168.2.254" in visitor.succeed("ip route show default")

      with subtest("its packets to the internet have the router's address"):
          visitor.wait_until_succeeds("curl --fail --silent --max-time 5 http://192.168.1.1/")
          internet.succeed("journalctl --unit web.service | grep 192.168.1.2")

      with subtest("names are resolved, blocked ones are not"):
          assert "192.168.1.1" in visitor.succeed("dig +short +time=5 @192.168.2.254 web.example.org")
          assert "192.168.1.1" not in visitor.succeed("dig +short +time=5 @192.168.2.254 ads.example.org")

      with subtest("machines outside reach neither the local network nor the resolver"):
          internet.succeed("ip route add 192.168.2.0/24 via 192.168.1.2")
          address = visitor.succeed("ip -4 -o address show dev eth1 scope global").split()[3].split("/")[0]
          visitor.succeed("systemd-run --unit=inside ${lib.getExe pkgs.python3} -m http.server 8000")
          visitor.wait_for_open_port(8000)
          internet.fail(f"curl --silent --max-time 5 http://{address}:8000/")
          internet.fail("timeout 5 bash -c '</dev/tcp/192.168.1.2/22'")
          internet.fail("${pkgs.dnsutils}/bin/dig +short +time=3 +tries=1 @192.168.1.2 web.example.org | grep 192")

      with subtest("the tailnet reaches the local network"):
          # Addresses follow the names' order: internet is 1, member 2, router 3.
          member.succeed("ip route add 192.168.2.0/24 via 192.168.3.3")
          member.succeed(f"curl --fail --silent --max-time 10 http://{address}:8000/")
    '';
  }
