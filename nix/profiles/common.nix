# What every host has, whatever it is for.
{
  config,
  fleet,
  lib,
  ...
}: {
  nix = {
    channel.enable = lib.mkDefault false;
    settings = {
      experimental-features = ["nix-command" "flakes"];
      auto-optimise-store = lib.mkDefault true;
      trusted-public-keys = lib.optional (fleet.cache.publicKey != null) fleet.cache.publicKey;
      substituters = lib.optional (fleet.cache.url != null) fleet.cache.url;
    };
    gc = {
      automatic = lib.mkDefault true;
      dates = lib.mkDefault "weekly";
      options = lib.mkDefault "--delete-older-than 30d";
    };
  };

  i18n.defaultLocale = lib.mkDefault "en_US.UTF-8";
  time.timeZone = lib.mkDefault "UTC";

  boot.tmp.cleanOnBoot = lib.mkDefault true;
  # Accounts are declared, none by default: the deploy user is no wheel user, which NixOS takes for a lock-out.
  users.mutableUsers = lib.mkDefault false;
  users.allowNoPasswordLogin = lib.mkDefault true;

  services.openssh = {
    enable = lib.mkDefault true;
    openFirewall = lib.mkDefault true;
    hostKeys = lib.mkDefault [
      {
        path = "/etc/ssh/ssh_host_ed25519_key";
        type = "ed25519";
      }
    ];
    settings = {
      PasswordAuthentication = lib.mkDefault false;
      KbdInteractiveAuthentication = lib.mkDefault false;
      PermitRootLogin = lib.mkDefault "no";
      X11Forwarding = lib.mkDefault false;
      AllowTcpForwarding = lib.mkDefault false;
      GatewayPorts = lib.mkDefault "no";
      ClientAliveInterval = lib.mkDefault 300;
      ClientAliveCountMax = lib.mkDefault 2;
      MaxAuthTries = lib.mkDefault 3;
      MaxSessions = lib.mkDefault 3;
    };
  };

  home-manager = {
    useGlobalPkgs = lib.mkDefault true;
    useUserPackages = lib.mkDefault true;
  };

  assertions = [
    {
      assertion = config.services.openssh.enable;
      message = "a host without SSH can't be deployed to; mark it provider.kind = \"image\" in fleet.toml";
    }
  ];
}
