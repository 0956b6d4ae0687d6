# The supervisor on a machine that really boots: it keeps a good system, and rolls back one that closes
# SSH, one that fails, and one that was not confirmed before a crash.
{
  inputs,
  lib,
  pkgs,
  ...
}: let
  keys = import (inputs.nixpkgs + "/nixos/tests/ssh-keys.nix") pkgs;
  test = import ./support/fleet.nix {inherit inputs;} ''
    [deploy]
    authorized_keys = ["${lib.trim keys.snakeOilPublicKey}"]
    confirm_seconds = 20
    health_seconds = 20
    [hosts.machine]
  '';
in
  pkgs.testers.runNixOSTest {
    name = "pantheros-supervisor";
    node = {inherit (test) specialArgs;};
    nodes = {
      machine = test.machine "machine" {
        # A real boot loader, because the test is about the boot default.
        virtualisation = {
          useBootLoader = true;
          useEFIBoot = true;
        };
        boot.loader = {
          systemd-boot.enable = true;
          efi.canTouchEfiVariables = true;
          timeout = 0;
        };
        system.switch.enable = true;
        # Built here and unsigned; the sandbox tests signatures.
        pantheros.deployment.requireSignature = lib.mkForce false;
        # The test driver connects more often than the limit allows.
        networking.firewall-pantheros.ssh = {
          public = true;
          perMinute = 600;
          burst = 100;
        };
        pantheros.fail2ban.enable = lib.mkForce false;

        specialisation = {
          good.configuration.environment.etc."wanted".text = "good";
          better.configuration.environment.etc."wanted".text = "better";
          no-ssh.configuration = {
            environment.etc."wanted".text = "no-ssh";
            systemd.services.sshd.enable = lib.mkForce false;
            systemd.sockets.sshd.enable = lib.mkForce false;
          };
          failing.configuration = {
            environment.etc."wanted".text = "failing";
            systemd.services.broken = {
              wantedBy = ["multi-user.target"];
              serviceConfig = {
                Type = "oneshot";
                ExecStart = "${pkgs.coreutils}/bin/false";
              };
            };
          };
        };
      };
      runner = {};
    };
    testScript = ''
      import json

      start_all()
      machine.wait_for_unit("multi-user.target")
      machine.wait_for_open_port(22)
      runner.wait_for_unit("multi-user.target")
      runner.succeed("install -m 0600 ${keys.snakeOilPrivateKey} /root/key")
      ssh = "ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=10 -o ServerAliveInterval=5 -i /root/key deploy@machine"
      supervisor = "sudo -n /run/current-system/sw/bin/pantheros-supervisor"

      base = machine.succeed("readlink -f /run/current-system").strip()
      systems = {
          name: machine.succeed(f"readlink -f {base}/specialisation/{name}").strip()
          for name in ["good", "better", "no-ssh", "failing"]
      }

      def running():
          return machine.succeed("readlink -f /run/current-system").strip()

      def boots():
          return machine.succeed("readlink -f /nix/var/nix/profiles/system").strip()

      def activate(name, token):
          return runner.execute(f"{ssh} {supervisor} activate {systems[name]} {token} </dev/null")

      def status():
          return json.loads(runner.succeed(f"{ssh} {supervisor} status").strip().splitlines()[-1])

      with subtest("a good system is confirmed and becomes the boot default"):
          code, answer = activate("good", "token-1")
          assert code == 0, answer
          runner.succeed(f"{ssh} {supervisor} confirm token-1")
          assert running() == systems["good"] and boots() == systems["good"]
          status()

      with subtest("it boots"):
          machine.shutdown()
          machine.start()
          machine.wait_for_unit("multi-user.target")
          assert running() == systems["good"]
          machine.wait_for_open_port(22)

      with subtest("a system without sshd cannot be confirmed: the last one is restored and reachable"):
          activate("no-ssh", "token-2")
          machine.wait_until_succeeds(f"test $(readlink -f /run/current-system) = {systems['good']}", timeout=180)
          machine.wait_for_open_port(22)
          runner.succeed(f"{ssh} {supervisor} status")
          assert boots() == systems["good"]

      with subtest("a system with a failed unit is rolled back before any confirmation"):
          activate("failing", "token-3")
          machine.wait_until_succeeds(f"test $(readlink -f /run/current-system) = {systems['good']}", timeout=180)
          assert boots() == systems["good"]
          machine.fail("systemctl is-failed broken.service")

      with subtest("a crash before the confirmation boots the last confirmed system"):
          activate("better", "token-4")
          assert running() == systems["better"] and boots() == systems["good"]
          machine.crash()
          machine.start()
          machine.wait_for_unit("multi-user.target")
          assert running() == systems["good"]
          assert machine.succeed("cat /etc/wanted") == "good"
          machine.wait_for_open_port(22)
          status()

      with subtest("afterwards a deploy succeeds"):
          code, answer = activate("better", "token-5")
          assert code == 0, answer
          runner.succeed(f"{ssh} {supervisor} confirm token-5")
          assert running() == systems["better"] and boots() == systems["better"]
    '';
  }
