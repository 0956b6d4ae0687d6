# SSH accepts only keys, only modern algorithms, and limits frequent connections.
{
  inputs,
  lib,
  pkgs,
  ...
}: let
  somebody.users.users.somebody = {
    isNormalUser = true;
    password = "guessed";
    openssh.authorizedKeys.keys = [keys.snakeOilPublicKey];
  };
  keys = import (inputs.nixpkgs + "/nixos/tests/ssh-keys.nix") pkgs;
  test = import ./support/fleet.nix {inherit inputs;} ''
    [deploy]
    authorized_keys = ["${lib.trim keys.snakeOilPublicKey}"]
    [hosts.server]
    [hosts.guarded]
  '';
in
  pkgs.testers.runNixOSTest {
    name = "pantheros-ssh";
    node = {inherit (test) specialArgs;};
    nodes = {
      server = test.machine "server" {
        imports = [somebody];
        # Open to all, with the limit; the fleet's hosts accept only their sources.
        networking.firewall-pantheros.ssh.public = true;
        # Bans would hide the effects of the other rules.
        pantheros.fail2ban.enable = lib.mkForce false;
      };
      # A second machine without the limit, so that only bans block clients.
      guarded = test.machine "guarded" {
        imports = [somebody];
        networking.firewall-pantheros.ssh = {
          public = true;
          perMinute = 600;
          burst = 100;
        };
      };
      client = {pkgs, ...}: {
        environment.systemPackages = [pkgs.sshpass];
      };
    };
    testScript = {nodes, ...}: let
      client = nodes.client.networking.primaryIPAddress;
    in ''
      start_all()
      server.wait_for_unit("sshd.service")
      server.wait_for_open_port(22)
      client.wait_for_unit("multi-user.target")
      client.succeed("install -m 0600 ${keys.snakeOilPrivateKey} /root/key")
      ssh = "ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=10"

      def pause():
          # A minute of new connections from one source.
          client.succeed("sleep 65")

      with subtest("a key is accepted, for a single command too"):
          assert "somebody" in client.succeed(f"{ssh} -i /root/key somebody@server whoami")

      with subtest("a password is refused, even the right one"):
          client.fail(f"sshpass -p guessed {ssh} -o PubkeyAuthentication=no somebody@server true")

      with subtest("root cannot log in"):
          client.fail(f"{ssh} -i /root/key root@server true")

      with subtest("sshd has the documented settings"):
          effective = server.succeed("sshd -T").lower()
          for line in [
              "permitrootlogin no",
              "passwordauthentication no",
              "kbdinteractiveauthentication no",
              "x11forwarding no",
              "allowtcpforwarding no",
              "allowstreamlocalforwarding no",
              "gatewayports no",
              "clientaliveinterval 300",
              "clientalivecountmax 2",
              "maxauthtries 3",
              "maxsessions 3",
          ]:
              assert line in effective, f"{line} is missing in:\n{effective}"
          ciphers = next(line for line in effective.splitlines() if line.startswith("ciphers "))
          assert "cbc" not in ciphers and "ctr" not in ciphers, ciphers
          server.succeed("test $(ls /etc/ssh/ssh_host_*_key | wc -l) = 1")

      with subtest("too many connections are refused, for a limited time"):
          pause()
          results = [client.execute(f"{ssh} -i /root/key somebody@server true")[0] for _ in range(8)]
          assert results[0] == 0, results
          assert any(code != 0 for code in results[3:]), results
          pause()
          client.succeed(f"{ssh} -i /root/key somebody@server true")

      with subtest("the deploy user may run the supervisor as root, and nothing else"):
          pause()
          client.succeed(f"{ssh} -i /root/key deploy@server sudo -n /run/current-system/sw/bin/pantheros-supervisor status")
          client.fail(f"{ssh} -i /root/key deploy@server sudo -n true")

      with subtest("only its connection is forwarded to the Nix daemon"):
          def forwarding(user):
              effective = server.succeed(f"sshd -T -C user={user},host=client,addr=192.0.2.1").lower()
              return [line for line in effective.splitlines() if line.startswith("allow") and "forwarding" in line]
          assert "allowstreamlocalforwarding local" in forwarding("deploy"), forwarding("deploy")
          assert "allowtcpforwarding local" in forwarding("deploy"), forwarding("deploy")
          assert "allowstreamlocalforwarding no" in forwarding("somebody"), forwarding("somebody")

      with subtest("a deploy's connection is not a login session, a person's is"):
          pause()
          session = "'printenv XDG_SESSION_ID'"
          client.fail(f"{ssh} -i /root/key deploy@server {session}")
          client.succeed(f"{ssh} -i /root/key somebody@server {session}")

      with subtest("an address with many failed logins is banned"):
          guarded.wait_for_unit("fail2ban.service")
          guarded.wait_for_open_port(22)
          for _ in range(6):
              client.execute(f"sshpass -p wrong {ssh} -o PubkeyAuthentication=no somebody@guarded true")
          guarded.wait_until_succeeds("fail2ban-client status sshd | grep ${client}", timeout=120)
          client.fail(f"{ssh} -i /root/key somebody@guarded true")
    '';
  }
