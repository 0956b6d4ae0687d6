# The control centre as a service: pages and an API over the fleet's hosts (docs/control-centre.md). It has no token of
# a vendor, no signing key and no state: the runner writes the published outputs of its stack to a directory, and a key
# that only asks is the one secret.
{
  config,
  host,
  lib,
  pkgs,
  registry,
  ...
}: let
  inherit (lib) mkOption types;
  cfg = config.pantheros.controlCenter;
  name = "pantheros-centre";
  secret = "centre-ssh-key";
  outputs = "/var/lib/pantheros-outputs";
  # Its name, if the inventory gives it one.
  service = registry.hosts.${host.name}.modules.control-centre or null;
  publicNames = lib.optional (service != null && host.services.${service}.public) host.services.${service}.fqdn;
  sockets = import ../../lib/control-centre-sockets.nix;
  hardening = import ../../lib/hardening.nix;
  # Each listener of centre/listen.ts has a socket that one account can connect to: what a proxy says of a person
  # counts on its own socket only.
  socket = listener: user: {
    description = "Socket of the control centre for ${user}";
    wantedBy = ["sockets.target"];
    socketConfig = {
      ListenStream = sockets.${listener};
      FileDescriptorName = listener;
      Service = "${name}.service";
      SocketUser = user;
      SocketGroup = "root";
      SocketMode = "0600";
      RemoveOnStop = true;
    };
  };
  listeners =
    lib.optionalAttrs cfg.tailscale {tailscale = "root";}
    // lib.optionalAttrs config.pantheros.services.caddy.enable {proxy = config.services.caddy.user;};
  unitOf = listener: "${name}-${listener}";
in {
  options.pantheros = {
    services.control-centre = import ../../lib/service-options.nix {inherit lib;} {
      description = "the control centre, which is reached over its sockets and listens on no port";
      port = 4100;
    };
    controlCenter = {
      enable = mkOption {
        type = types.bool;
        default = config.pantheros.services.control-centre.enable;
        defaultText = lib.literalMD "whether a service of the inventory with `module = \"control-centre\"` is on this host";
        description = "Whether to run the control centre.";
      };
      bundle = mkOption {
        type = types.nullOr types.path;
        default = null;
        defaultText = lib.literalMD "the folder `centre` of the host's folder, if it is there";
        description = "Its program, as `tools/with node tools/centre/bundle.ts nix/hosts/HOST/centre` writes it.";
      };
      stack = mkOption {
        type = types.str;
        default = host.environment;
        defaultText = lib.literalMD "the environment of this host";
        description = "Stack whose outputs it shows, from `${outputs}/STACK.json`.";
      };
      names = mkOption {
        type = types.listOf types.singleLineStr;
        default =
          publicNames
          ++ lib.optional cfg.tailscale (registry.nameOf host.name);
        defaultText = lib.literalMD "its name in the registry, and this host's name in the tailnet";
        description = "Names under which browsers reach it; requests for other names are refused.";
      };
      tailscale = mkOption {
        type = types.bool;
        default = config.services.tailscale.enable;
        defaultText = lib.literalExpression "config.services.tailscale.enable";
        description = "Whether to have a socket for `tailscale serve`, which only root can connect to.";
      };
      memoryMax = mkOption {
        type = types.str;
        default = "100M";
        description = "Memory that the service and the ssh processes which it starts may use together.";
      };
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = cfg.bundle != null;
        message = "pantheros.controlCenter.bundle is not set: run `tools/with node tools/centre/bundle.ts nix/hosts/${host.name}/centre` in the repository, and commit the folder";
      }
      {
        assertion = listeners != {};
        message = "pantheros.controlCenter has no socket: give its service a public name in fleet.toml, or set pantheros.controlCenter.tailscale";
      }
      {
        assertion = config.pantheros.deployment.enable;
        message = "pantheros.controlCenter reads outputs that the deploy user writes: set pantheros.deployment.enable";
      }
    ];

    # A probe key is enough to show the fleet.
    pantheros.secrets.${secret}.services = [name];

    users.users.${name} = {
      description = "Control centre";
      isSystemUser = true;
      group = name;
    };
    users.groups.${name} = {};

    # The outputs are not secret, but they name every host.
    systemd.tmpfiles.rules = ["d ${outputs} 0750 ${config.pantheros.deployment.user} ${name} -"];

    systemd.sockets = lib.mapAttrs' (listener: user: lib.nameValuePair (unitOf listener) (socket listener user)) listeners;

    systemd.services.${name} = {
      description = "Control centre of the fleet";
      wantedBy = ["multi-user.target"];
      wants = ["network-online.target"];
      after = ["network-online.target"];
      path = [pkgs.openssh];
      environment = {
        PANTHEROS_FLEET = "${../../fleet.toml}";
        PANTHEROS_SSH_KEY = "%d/ssh-key";
        NODE_ENV = "production";
      };
      serviceConfig =
        hardening.serviceConfig
        // {
          ExecStart = lib.escapeShellArgs ([
              "${pkgs.nodejs}/bin/node"
              # Small heaps: measured with the pages' work, docs/control-centre.md.
              "--max-semi-space-size=1"
              "--max-old-space-size=48"
              "${
                if cfg.bundle == null
                then "/var/empty"
                else cfg.bundle
              }/lib/centre/main.js"
              "--stack=${cfg.stack}"
              "--outputs=${outputs}/${cfg.stack}.json"
              "--state-directory=/var/lib/${name}"
            ]
            ++ map (each: "--name=${each}") cfg.names);
          User = name;
          Group = name;
          Sockets = map (listener: "${unitOf listener}.socket") (lib.attrNames listeners);
          LoadCredential = ["ssh-key:${config.pantheros.secrets.${secret}.path}"];
          StateDirectory = name;
          StateDirectoryMode = "0700";
          Restart = "on-failure";
          RestartSec = 5;
          MemoryMax = cfg.memoryMax;
          MemorySwapMax = 0;
          TasksMax = 256;
          AmbientCapabilities = "";
          DevicePolicy = "closed";
          KeyringMode = "private";
          PrivateMounts = true;
          ProcSubset = "pid";
          PrivateUsers = true;
          # V8 compiles to memory that it then executes.
          MemoryDenyWriteExecute = false;
        };
    };

    # Any answer of the service counts, also the refusal of a visitor without a session.
    pantheros.deployment.checks =
      map (listener: {
        kind = "command";
        name = "control-centre-${listener}";
        target = "curl --silent --show-error --output /dev/null --max-time 8 --unix-socket ${sockets.${listener}} http://localhost/";
        timeoutSeconds = 10;
      })
      (lib.attrNames listeners);
  };
}
