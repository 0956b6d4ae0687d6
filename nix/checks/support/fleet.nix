# A test's small inventory -> machines with the fleet's modules, made as lib/mk-host.nix makes hosts.
# Disk, boot and network are the test driver's. Keys that a test does not set have defaults here.
{inputs}: toml: let
  inherit (inputs.nixpkgs.lib) recursiveUpdate;
  given = builtins.fromTOML toml;
  anyFleet = {
    schema = 1;
    fleet.domain = "example.test";
    environments.homelab = {};
    deploy.authorized_keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ nobody@example.test"];
  };
  anyHost = {
    environment = "homelab";
    profiles = ["server"];
    provider = {
      kind = "existing";
      vendor = "x";
      address = "192.0.2.1";
    };
  };
  fleet = (import ../../lib/fleet.nix).fromAttrs (recursiveUpdate anyFleet given
    // {
      hosts = builtins.mapAttrs (_: recursiveUpdate anyHost) given.hosts;
    });
in {
  inherit fleet;

  # For `node.specialArgs`.
  specialArgs = {inherit inputs fleet;};

  # The host with that name; `settings` are the test's additions.
  machine = name: settings: {
    config,
    lib,
    ...
  }: {
    imports =
      import ../../lib/modules.nix inputs
      ++ [settings]
      ++ map (profile: ../../profiles + "/${profile}.nix") fleet.hosts.${name}.profiles;

    _module.args.host = fleet.hosts.${name};

    # A test has no vendor, vault or tailnet, and writes secrets as files.
    services.tailscale-pantheros.enable = lib.mkForce false;
    pantheros = {
      secretsBackend = "delivered";
      boot.loader = lib.mkForce "none";
    };
    # The driver and the other nodes use the host name of a machine.
    assertions = [
      {
        assertion = config.virtualisation.test.nodeName == name;
        message = "the node ${config.virtualisation.test.nodeName} is the host ${name}: give both the same name";
      }
    ];
    # The test driver needs a root shell on each machine.
    users.allowNoPasswordLogin = true;
    virtualisation.memorySize = lib.mkDefault 1536;
  };

  # Secrets as files, written before any unit starts: name -> content (one line).
  secrets = contents: {lib, ...}: {
    systemd.tmpfiles.rules =
      ["d /var/lib/pantheros/secrets 0700 root root -"]
      ++ lib.mapAttrsToList (name: content: "f /var/lib/pantheros/secrets/${name} 0400 root root - ${content}") contents;
  };
}
