# A test's own small inventory -> machines made of the fleet's modules, as lib/mk-host.nix makes hosts. What a test machine
# has otherwise (disk, boot, network) is the test driver's. The inventory says what the test is about; the rest is here.
{inputs}: toml: let
  inherit (inputs.nixpkgs.lib) recursiveUpdate;
  told = builtins.fromTOML toml;
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
  fleet = (import ../../lib/fleet.nix).fromAttrs (recursiveUpdate anyFleet told
    // {
      hosts = builtins.mapAttrs (_: recursiveUpdate anyHost) told.hosts;
    });
in {
  inherit fleet;

  # For `node.specialArgs`.
  specialArgs = {inherit inputs fleet;};

  # The host of that name; `settings` are what this test adds.
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

    # No vendor, no vault and no tailnet here; secrets are files that the test puts in their place.
    services.tailscale-pantheros.enable = lib.mkForce false;
    pantheros = {
      secretsBackend = "delivered";
      boot.loader = lib.mkForce "none";
    };
    # The driver and the other nodes know a machine by its host name.
    assertions = [
      {
        assertion = config.virtualisation.test.nodeName == name;
        message = "the node ${config.virtualisation.test.nodeName} is the host ${name}: give both one name";
      }
    ];
    # A root shell is how the driver works on a machine.
    users.allowNoPasswordLogin = true;
    virtualisation.memorySize = lib.mkDefault 1536;
  };

  # Secrets as files, before any unit starts: name -> content (one line).
  secrets = contents: {lib, ...}: {
    systemd.tmpfiles.rules =
      ["d /var/lib/pantheros/secrets 0700 root root -"]
      ++ lib.mapAttrsToList (name: content: "f /var/lib/pantheros/secrets/${name} 0400 root root - ${content}") contents;
  };
}
