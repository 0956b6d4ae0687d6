# One sandbox host: a small system with the shape of a NixOS toplevel, for the sandbox's Debian
# machines. README.md says what is emulated.
{
  host, # from nix/lib/fleet.nix
  fleet,
  site,
  checks, # nix/lib/checks.nix
  secretsLibrary, # nix/lib/secrets.nix
  actProgram, # text: nix/modules/secrets/act.sh
  supervisor, # text: the program that a deploy runs on the host
  operatorProgram, # text: what the control centre's operators run on the host
  operatorLibrary, # nix/lib/operators.nix
  postgresql, # {files, dump}: nix/lib/postgresql.nix, and text: nix/modules/services/postgresql/dump.sh
  # false: a machine before its first deploy, without supervisor, deploy user and trusted keys
  managed ? true,
}: let
  inherit (builtins) attrNames attrValues concatStringsSep map readFile toJSON;

  # Sandbox hosts have this machine's platform, whatever the inventory says.
  system =
    if (site.system or null) != null
    then site.system
    else host.system;
  build = import ./build.nix {inherit system;};
  inherit (build) run text;
  faults = import ./faults.nix {inherit text;};
  extra = faults.check host.name host.extra;
  database = import ./postgresql.nix ({inherit text host fleet site;} // postgresql);
  kernelVersion = extra.kernel or "6.12";
  version = "26.05.sandbox";

  lines = entries: concatStringsSep "" (map (entry: "${entry}\n") entries);
  onlyIf = condition: list:
    if condition
    then list
    else [];

  # --- Units: the host's services are real, each in a store path of its own.
  reserved = ["ssh" "dbus" "nix-daemon" "systemd-journald"];
  greeter = text "greeter.py" (readFile ./scripts/greeter.py);
  serviceUnit = service: let
    waits = secretUnits.readers."${service.name}.service" or {};
    greeting =
      if service.options ? secret
      then "\${GREETING}"
      else service.options.greeting or "${service.name} on ${host.name}";
  in ''
    [Unit]
    Description=${service.description}
    After=network.target
    ${settings waits}
    [Service]
    Type=notify
    User=nobody
    AmbientCapabilities=CAP_NET_BIND_SERVICE
    ${
      if service.options ? secret
      then "EnvironmentFile=${secretPath service}"
      else ""
    }
    ExecStart=/usr/bin/python3 -SE ${greeter} ${service.protocol} ${toString service.port} ${toString (service.options.status or 200)} "${greeting}"
    Restart=on-failure
    RestartSec=1
    TimeoutStopSec=5
  '';
  serviceUnits = builtins.listToAttrs (map (service: {
    name =
      if builtins.elem service.name reserved
      then throw "services.${service.name}: the machine has a unit with this name already; choose another service name"
      else "${service.name}.service";
    value = serviceUnit service;
  }) (attrValues host.services));

  # --- Secrets of services, as in nix/modules/secrets/: a script in place of OpNix reads the sandbox's
  # 1Password.
  secretPath = service: "/run/secrets/${service.name}";
  secretServices = builtins.filter (service: service.options ? secret) (attrValues host.services);
  opnixToken = "/var/lib/pantheros/secrets/opnix-token";
  secretUnits = secretsLibrary.unitsFor {
    secrets =
      map (service: {
        path = secretPath service;
        services = [service.name];
      })
      secretServices;
    fetcher =
      if secretServices == []
      then null
      else {
        unit = "opnix-secrets.service";
        token = opnixToken;
      };
    program = "/bin/sh ${text "act.sh" actProgram}";
  };
  settings = section:
    lines (builtins.concatMap (key: let
      value = section.${key};
    in
      map (one: "${key}=${toString one}") (
        if builtins.isList value
        then value
        else [value]
      )) (attrNames section));
  section = name: content: "[${name}]\n${settings content}";
  opnix = text "opnix.py" (readFile ./scripts/opnix.py);
  opnixTable = text "opnix-table" (lines (map (service: "${secretPath service} ${service.options.secret}") secretServices));
  fetchUnits =
    if secretServices == []
    then {}
    else {
      # Oneshot, and active after it has ended, like OpNix' unit.
      "opnix-secrets.service" = concatStringsSep "\n" [
        (section "Unit" {Description = "OpNix Secret Management";})
        (section "Service" ({
            Type = "oneshot";
            RemainAfterExit = "yes";
            ExecStart = "/usr/bin/python3 -SE ${opnix} ${site.onepassword} ${opnixToken} ${opnixTable}";
          }
          // secretUnits.fetcherService))
      ];
      "pantheros-secrets.service" = concatStringsSep "\n" [(section "Unit" secretUnits.service.Unit) (section "Service" secretUnits.service.Service)];
      "pantheros-secrets.path" = concatStringsSep "\n" [(section "Unit" secretUnits.path.Unit) (section "Path" secretUnits.path.Path)];
    };

  # Each in a directory of its own, as in NixOS, because systemd treats a link to a file with a
  # different name as an alias.
  unitFile = name: content: let
    unit =
      run "unit-${name}" {
        unit = name;
        inherit content;
      } ''
        mkdir -p "$out"
        printf %s "$content" >"$out/$unit"
      '';
  in "${unit}/${name}";
  resumeUnit = {
    "pantheros-resume.service" = ''
      [Unit]
      Description=Continue a deploy after a reboot

      [Service]
      Type=oneshot
      RemainAfterExit=yes
      ExecStart=${program} resume
    '';
  };
  units = builtins.mapAttrs unitFile (serviceUnits
    // faults.unitsOf extra
    // fetchUnits
    // database.units
    // (
      if managed
      then resumeUnit
      else {}
    ));

  # --- /etc
  # As in nix/modules/inventory.nix.
  trustedPublicKeys =
    site.trustedPublicKeys
    or []
    ++ onlyIf (fleet.cache.publicKey != null) [fleet.cache.publicKey]
    ++ onlyIf (host.buildKey != null) [host.buildKey];
  deploy =
    fleet.deploy
    // {
      inherit trustedPublicKeys;
      requireSignature = extra.require_signature or true;
      switchSeconds = extra.switch_seconds or fleet.deploy.switchSeconds;
      healthSeconds = extra.health_seconds or fleet.deploy.healthSeconds;
      confirmSeconds = extra.confirm_seconds or fleet.deploy.confirmSeconds;
      inherit (host) reboot;
    };
  sshd = text "sshd.conf" (lines (
    [
      "Port ${toString host.sshPort}"
      "PermitRootLogin ${extra.root_login
        or (
          if managed
          then "no"
          else "prohibit-password"
        )}"
      "PasswordAuthentication no"
      "KbdInteractiveAuthentication no"
      "X11Forwarding no"
      # People's keys are in their home, those of declared accounts in the second directory.
      "AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/authorized_keys.d/%u"
    ]
    # As in nix/modules/.
    ++ onlyIf managed [
      "AllowTcpForwarding no"
      "AllowStreamLocalForwarding no"
      "Match User ${fleet.deploy.user}"
      "AllowStreamLocalForwarding ${extra.daemon_forwarding or "local"}"
      "AllowTcpForwarding local"
    ]
  ));
  # As NixOS writes it, without scripts for a message of the day, and with the rule of nix/modules/deployment/.
  pam = text "pam-sshd" (lines (
    [
      "account required pam_nologin.so"
      "account required pam_unix.so"
      "auth required pam_deny.so"
      "password required pam_deny.so"
      "session required pam_env.so"
      "session required pam_unix.so"
      "session required pam_loginuid.so"
    ]
    ++ onlyIf managed ["session [success=1 default=ignore] pam_succeed_if.so quiet user = ${fleet.deploy.user}"]
    ++ [
      "session optional pam_systemd.so"
      "session required pam_limits.so"
    ]
  ));
  program = "/run/current-system/sw/bin/pantheros-supervisor";
  substituters = site.substituters or [] ++ onlyIf (fleet.cache.url != null) [fleet.cache.url];
  nixConf = text "nix.conf" (lines (
    [
      "trusted-public-keys = ${concatStringsSep " " trustedPublicKeys}"
    ]
    ++ onlyIf (substituters != []) [
      "substituters = ${concatStringsSep " " substituters}"
      "connect-timeout = 5"
      "download-attempts = 2"
    ]
    # Builds use the machine's shell and tools, as on the runner.
    ++ ["sandbox = false"]
  ));
  authorizedKeys = text "authorized-keys" (lines (
    site.authorizedKeys
    or []
    ++ fleet.deploy.authorizedKeys
    ++ map (key: "restrict,command=\"sudo -n ${program} probe\" ${key}") (site.probeKeys or [] ++ fleet.deploy.probeKeys)
  ));
  # As in nix/modules/deployment/operator/; each sandbox has keys of its own.
  operators = operatorLibrary.forRoles (builtins.mapAttrs (name: role:
    role // {operatorKeys = role.operatorKeys ++ site.operatorKeys.${name} or [];})
  fleet.roles);
  hasOperators = managed && operators.enable;
  operator = operatorLibrary.account;
  entry = mode: path: source: {inherit mode path source;};
  etc = build.tree "etc-${host.name}" (
    [
      (entry "0644" "hostname" (text "hostname" "${host.name}\n"))
      # Without the machine's own name, every sudo would first query DNS for it.
      (entry "0644" "hosts" (text "hosts" "127.0.0.1 localhost\n::1 localhost\n127.0.0.2 ${host.fqdn} ${host.name}\n"))
      (entry "symlink" "motd" (text "motd" "${extra.motd or host.description}\n"))
      (entry "symlink" "ssh/sshd_config.d/00-system.conf" sshd)
      (entry "symlink" "pam.d/sshd" pam)
    ]
    ++ onlyIf (secretServices != []) [(entry "symlink" "pantheros/secrets" (text "secrets" secretUnits.table))]
    ++ onlyIf managed [
      (entry "symlink" "nix/pantheros.conf" nixConf)
      (entry "symlink" "pantheros/checks" (text "checks" (checks.checks host.health)))
      (entry "symlink" "pantheros/deploy.conf" (text "deploy.conf" (checks.deployConf deploy)))
      (entry "symlink" "pantheros/deploy.json" "/var/lib/pantheros/deploy.json")
      # Copies, because sudo requires mode 0440, and sshd refuses a path through a group-writable
      # directory (the store).
      (entry "0440" "sudoers.d/${fleet.deploy.user}" (text "sudoers" "${fleet.deploy.user} ALL=(root) NOPASSWD: ${program}\n"))
      (entry "0444" "ssh/authorized_keys.d/${fleet.deploy.user}" authorizedKeys)
    ]
    ++ onlyIf hasOperators [
      (entry "symlink" "pantheros/operators" (text "operators" operators.rules))
      (entry "0440" "sudoers.d/${operator}" (text "operator-sudoers" operators.sudo))
      (entry "0444" "ssh/authorized_keys.d/${operator}" (text "operator-keys" (lines operators.authorizedKeys)))
    ]
    # The owner of such a machine logs in as root and then adopts it; other tools that log in as root work too.
    ++ onlyIf (!managed || extra.root_login or "no" != "no") [
      (entry "0444" "ssh/authorized_keys.d/root" (text "root-keys" (lines (site.authorizedKeys or []))))
    ]
    ++ builtins.concatMap (name: [
      (entry "none" "systemd/system/${name}" units.${name})
      (entry "none" "systemd/system/multi-user.target.wants/${name}" units.${name})
    ]) (attrNames units)
  );

  # --- Programs, kernel, and the other parts of a system
  sw =
    run "system-path" {
      supervisor =
        if managed
        then text "pantheros-supervisor" "#!/bin/sh\n${supervisor}"
        else "";
      operator =
        if hasOperators
        then text "pantheros-operator" "#!/bin/sh\n${operatorProgram}"
        else "";
      bootLoader = text "pantheros-boot-loader" (readFile ./scripts/boot-loader.sh);
      databasePrograms = lines (map (name: "${name} ${text name database.programs.${name}}") (attrNames database.programs));
      inherit version;
    } ''
      mkdir -p "$out/bin"
      printf %s "$databasePrograms" | while read -r name program; do cp "$program" "$out/bin/$name"; done
      printf '#!/bin/sh\necho %s\n' "$version" >"$out/bin/nixos-version"
      [ -z "$supervisor" ] || cp "$supervisor" "$out/bin/pantheros-supervisor"
      [ -z "$operator" ] || cp "$operator" "$out/bin/pantheros-operator"
      cp "$bootLoader" "$out/bin/pantheros-boot-loader"
      chmod 0555 "$out/bin"/*
    '';
  kernel = run "linux-${kernelVersion}" {} ''
    mkdir -p "$out"
    echo "stands for Linux ${kernelVersion}" >"$out/bzImage"
  '';
  inhibitors = {dbus-implementation = extra.inhibitors.dbus or "dbus";} // removeAttrs (extra.inhibitors or {}) ["dbus"];
  filler =
    if extra ? filler
    then build.filler extra.filler
    else [];
  toplevel =
    run "nixos-system-${host.name}-${version}" {
      inherit etc sw version;
      systemName = system;
      kernelFile = "${kernel}/bzImage";
      inhibitors = text "switch-inhibitors" (toJSON inhibitors);
      accounts = text "users" (
        if managed
        then lines (map (account: "${account}\t/bin/sh") ([fleet.deploy.user] ++ onlyIf hasOperators [operator])) + database.accounts
        else ""
      );
      activation = extra.activation or "ok";
      boot = extra.boot or "ok";
      passAsFile = ["filler"];
      filler = lines filler;
      activate = text "activate" (readFile ./scripts/activate.sh);
      switch = text "switch-to-configuration" (readFile ./scripts/switch-to-configuration.sh);
      stage2 = text "stage2" (readFile ./scripts/stage2.sh);
      unitsLibrary = text "units.sh" (readFile ./scripts/units.sh);
      networkFault = faults.network;
    } ''
      mkdir -p "$out/bin" "$out/lib"
      ln -s "$etc/etc" "$out/etc"
      ln -s "$etc/manifest" "$out/etc-manifest"
      ln -s "$sw" "$out/sw"
      ln -s "$kernelFile" "$out/kernel"
      ln -s "$inhibitors" "$out/switch-inhibitors"
      ln -s "$accounts" "$out/users"
      ln -s "$unitsLibrary" "$out/lib/units.sh"
      ln -s "$networkFault" "$out/lib/network-fault.sh"
      printf %s "$version" >"$out/nixos-version"
      printf %s "$systemName" >"$out/system"
      echo "$activation" >"$out/activation"
      echo "$boot" >"$out/boot"
      cp "$fillerPath" "$out/extra-dependencies"
      sed "s|@out@|$out|g" "$activate" >"$out/activate"
      sed "s|@out@|$out|g" "$switch" >"$out/bin/switch-to-configuration"
      sed "s|@out@|$out|g" "$stage2" >"$out/bin/pantheros-stage2"
      chmod 0555 "$out/activate" "$out"/bin/*
    '';
  # The script that partitions the disk of a created machine; here there is no disk, and it prints that.
  diskoScript = run "disko" {} ''
    printf '#!/bin/sh\necho "umount: /mnt: not mounted"\necho "+ sgdisk --clear /dev/sda (no disk in the sandbox)"\n' >"$out"
    chmod 0555 "$out"
  '';
in
  {
    inherit toplevel system inhibitors units;
    kernel = "${kernel}/bzImage";
  }
  // (
    if host.provider.kind != "existing"
    then {inherit diskoScript;}
    else {}
  )
