# A person logs in at the greeter and gets niri with its shell. The screenshots are in the result.
{
  inputs,
  lib,
  pkgs,
  ...
}: let
  test = import ./support/fleet.nix {inherit inputs;} ''
    [roles.admin]
    groups = ["wheel"]
    [users.person]
    role = "admin"
    shell = "bash"
    password_secret = "password-person"
    [hosts.laptop]
    profiles = ["workstation"]
  '';
in
  pkgs.testers.runNixOSTest {
    name = "pantheros-desktop";
    node = {inherit (test) specialArgs;};
    enableOCR = true;
    nodes.laptop = test.machine "laptop" {
      virtualisation = {
        memorySize = 4096;
        cores = 2;
        qemu.options = ["-vga none -device virtio-gpu-pci"];
      };
      # An account's password is needed before any unit runs, so it is not one of the test's files.
      users.users.person = {
        hashedPasswordFile = lib.mkForce null;
        password = "desktop-password";
      };
      # Unfree, and the test does not start it.
      pantheros.desktop.applications.onePassword = false;
      pantheros.desktop.outputs."Virtual-1".scale = 1.5;
    };
    testScript = ''
      laptop.wait_for_unit("greetd.service")

      with subtest("niri accepts the configuration"):
          laptop.succeed("niri validate --config /etc/niri/config.kdl")
          planted = "sed 's/focus-ring/focus-rink/' /etc/niri/config.kdl >/tmp/planted.kdl"
          laptop.succeed(planted)
          laptop.fail("niri validate --config /tmp/planted.kdl")

      with subtest("the greeter waits for a person"):
          laptop.wait_until_succeeds("pgrep --uid dms-greeter niri")
          laptop.sleep(10)
          laptop.screenshot("greeter")

      with subtest("the password starts the session"):
          laptop.send_chars("person\n")
          laptop.sleep(3)
          laptop.send_chars("desktop-password\n")
          laptop.wait_until_succeeds("pgrep --uid person niri")
          person = "systemctl --user --machine person@ is-active"
          laptop.wait_until_succeeds(f"{person} dms.service")
          laptop.succeed(f"{person} pipewire.socket")
          laptop.sleep(10)
          laptop.screenshot("session")

      with subtest("a screen has the scale of the inventory"):
          socket = "XDG_RUNTIME_DIR=/run/user/1000 NIRI_SOCKET=$(ls /run/user/1000/niri.*.sock)"
          heard = laptop.succeed(f"su person -c '{socket} niri msg outputs'")
          assert "Scale: 1.5" in heard, heard
    '';
  }
