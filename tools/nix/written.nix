# What a configuration of nixosConfigurations writes: texts that are values, derivations of files that are
# built, and the values that tests/hosts compares with the inventory.
configuration: let
  inherit (configuration) config;
  inherit (builtins) attrNames attrValues concatMap filter listToAttrs map mapAttrs;
  etc = filter (name: config.environment.etc ? ${name} && config.environment.etc.${name}.enable) [
    "fail2ban/jail.local"
    "kea/dhcp4-server.conf"
    "ssh/sshd_config"
  ];
  account = user: {
    inherit (user) isNormalUser extraGroups;
    hasPassword = user.hashedPasswordFile != null || user.hashedPassword != null;
  };
in {
  inherit (configuration.pkgs.stdenv.hostPlatform) system;

  files = listToAttrs (map (name: {
      inherit name;
      value = config.environment.etc.${name}.source.drvPath;
    })
    etc);

  # The image of an SD card, if the host is a board that boots from one.
  image =
    if config.system.build ? sdImage
    then {
      inherit (config.system.build.sdImage) name;
      inherit (config.sdImage) firmwarePartitionOffset postBuildCommands;
    }
    else null;

  units = listToAttrs (map (name: {
    inherit name;
    value = {inherit (config.systemd.units.${name}) text overrideStrategy wantedBy;};
  }) (filter (name: config.systemd.units.${name}.enable) (attrNames config.systemd.units)));
  networks = mapAttrs (_: network: network.text) config.systemd.network.units;
  sudoers = config.security.sudo.configFile;
  nftables = concatMap (table:
    if table.enable
    then ["table ${table.family} ${table.name} {\n${table.content}\n}\n"]
    else [])
  (attrValues config.networking.nftables.tables);

  # Person -> what Home Manager writes for them; {} where it configures nobody.
  home =
    mapAttrs (_: user: {
      "ghostty/settings" = builtins.toJSON user.programs.ghostty.settings;
      "helix/settings" = builtins.toJSON user.programs.helix.settings;
      "zed/settings" = builtins.toJSON user.programs.zed-editor.userSettings;
      tools = builtins.toJSON (listToAttrs (map (name: {
        inherit name;
        value = user.programs.${name}.enable;
      }) ["bat" "direnv" "eza" "fd" "fish" "fzf" "ghostty" "helix" "neovim" "ripgrep" "tmux" "zed-editor"]));
      variables = builtins.toJSON user.home.sessionVariables;
      assistant = builtins.toJSON (
        if user.programs.opencode.enable
        then user.programs.opencode.settings
        else null
      );
      bat = builtins.toJSON user.programs.bat.config;
      git = builtins.toJSON user.programs.git.settings;
      neovim = user.programs.neovim.initLua;
    })
    config.home-manager.users;

  # What a person at the machine meets; null: the host has no desktop.
  desktop =
    if !config.pantheros.desktop.enable
    then null
    else {
      inherit (config.networking) hostName;
      greeter = {
        inherit (config.services.displayManager.dms-greeter) enable;
        compositor = config.services.displayManager.dms-greeter.compositor.name;
        keyboard = config.services.displayManager.dms-greeter.compositor.customConfig;
        greetd = config.services.greetd.enable;
      };
      shell = {inherit (config.programs.dms-shell) enable enableDynamicTheming;};
      niri = config.programs.niri.enable;
      configuration = config.environment.etc."niri/config.kdl".text;
      portals = config.xdg.portal.enable;
      keyring = config.services.gnome.gnome-keyring.enable;
      sound = {
        inherit (config.services.pipewire) enable;
        pulse = config.services.pipewire.pulse.enable;
        realtime = config.security.rtkit.enable;
      };
      bluetooth = config.hardware.bluetooth.enable;
      printing = config.services.printing.enable;
      power = {
        battery = config.services.upower.enable;
        profiles = config.services.power-profiles-daemon.enable;
        heat = config.services.thermald.enable;
      };
      onePassword = config.programs._1password-gui.polkitPolicyOwners;
      packages = builtins.concatStringsSep " " (map (package: package.name or "") config.environment.systemPackages);
      opensWeb = config.xdg.mime.defaultApplications."x-scheme-handler/https" or null;
      fonts = config.fonts.fontconfig.defaultFonts.monospace;
      console = config.console.colors;
      nvidia = {
        drivers = config.services.xserver.videoDrivers;
        inherit (config.hardware.nvidia) open;
        prime = {
          offload = config.hardware.nvidia.prime.offload.enable;
          inherit (config.hardware.nvidia.prime) nvidiaBusId intelBusId amdgpuBusId;
        };
      };
      games = config.programs.steam.enable;
    };

  # Settings of the fleet's services whose programs no test of this repository can start.
  services = let
    when = name: value:
      if config.pantheros.services.${name}.enable
      then {${name} = value;}
      else {};
  in
    when "navidrome" config.services.navidrome.settings
    // when "transmission" (config.services.transmission.settings // {inherit (config.services.transmission) group downloadDirPermissions;})
    // when "syncthing" {
      inherit (config.services.syncthing) configDir dataDir guiAddress overrideDevices overrideFolders settings user;
      created = config.systemd.tmpfiles.rules;
    }
    // when "forgejo" {inherit (config.services.forgejo.settings) server service session actions;}
    // when "immich" {inherit (config.services.immich) host port mediaLocation environment;}
    // when "grafana" (config.services.grafana.settings."auth.generic_oauth" or {})
    // when "dex" config.services.dex.settings.staticClients;
  databases = config.services.postgresql.ensureDatabases;
  backups = config.pantheros.services.backup.paths;

  # The SSH client's settings.
  ssh = config.programs.ssh.extraConfig;

  # What a developer finds; null: the host is not for development.
  development =
    if !config.pantheros.development.enable
    then null
    else {
      podman = config.virtualisation.podman.enable;
      git = config.programs.git.config;
      databases = config.services.postgresql.enable && !config.pantheros.services.postgresql.enable || config.services.redis.servers ? development;
    };

  values = {
    accounts = mapAttrs (_: account) config.users.users;
    inherit (config.boot) kernelParams;
    inherit (config.networking) hostName;
    firewall = {
      inherit (config.networking.firewall) enable allowedTCPPorts allowedUDPPorts allowedTCPPortRanges allowedUDPPortRanges;
    };
    fileSystems = mapAttrs (_: {fsType, ...}: fsType) config.fileSystems;
    # The program that writes grub.cfg.
    grubInstaller =
      if config.boot.loader.grub.enable
      then builtins.readFile (configuration.pkgs.path + "/nixos/modules/system/boot/loader/grub/install-grub.pl")
      else null;
    loader = {
      grub = config.boot.loader.grub.enable;
      systemdBoot = config.boot.loader.systemd-boot.enable;
      extlinux = config.boot.loader.generic-extlinux-compatible.enable;
    };
    nix = {
      inherit (config.nix.settings) substituters;
      minFree = config.nix.settings.min-free or null;
    };
    secrets = mapAttrs (_: secret: {inherit (secret) path services backend;}) config.pantheros.secrets;
    # For rows of docs/traceability.md.
    traced = {
      inherit (config.nix.settings) experimental-features auto-optimise-store;
      inherit (config.nix) gc;
      inherit (config.i18n) defaultLocale;
      inherit (config.networking.firewall) trustedInterfaces logRefusedConnections;
      inherit (config.boot.loader) timeout;
      hostKeys = map (key: {inherit (key) path type;}) config.services.openssh.hostKeys;
      inherit (config.services.openssh) ports;
      shell = toString (config.users.users.hbohlen.shell or "");
      podman = config.virtualisation.podman.enable;
      audit = config.security.auditd.enable;
      touchEfi = config.boot.loader.efi.canTouchEfiVariables;
    };
    watchedSecrets = config.systemd.paths.pantheros-secrets.pathConfig.PathChanged or [];
    services = {
      tailscale = config.services.tailscale.enable;
      fail2ban = config.services.fail2ban.enable;
    };
    sysctl = mapAttrs (_: value: toString value) config.boot.kernel.sysctl;
  };
}
