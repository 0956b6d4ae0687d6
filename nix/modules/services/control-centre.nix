# The control centre as a service: pages and an API over the fleet's hosts (docs/control-centre.md). It has no token of
# a vendor, no signing key and no state: the runner writes the published outputs of its stack to a directory. Its keys
# only ask hosts, or do what pantheros-operator on each host lets a role do.
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

  # Credential -> secret. An operator key has the name of its role, as PANTHEROS_OPERATOR_KEYS has it.
  credentials =
    {ssh-key = "centre-ssh-key";}
    // lib.optionalAttrs (cfg.oidc.issuer != null) {oidc-secret = "centre-oidc-secret";}
    // lib.listToAttrs (map (role: lib.nameValuePair role "centre-operator-${role}") cfg.operatorRoles);
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
      operatorRoles = mkOption {
        type = types.listOf types.str;
        default = [];
        example = ["admin" "restricted-admin"];
        description = "Roles whose people may act on hosts here. The secret `centre-operator-ROLE` has the private half of a key in `operator_keys` of the role.";
      };
      oidc = {
        issuer = mkOption {
          type = types.nullOr types.singleLineStr;
          default =
            if publicNames == [] || registry.nameFor "dex" == null
            then null
            else "https://${registry.nameFor "dex"}";
          defaultText = lib.literalMD "the fleet's Dex, if this service has a public name";
          description = "OpenID Connect provider at which people sign on; null: nobody comes in through the web server.";
        };
        clientId = mkOption {
          type = types.strMatching "[a-z][a-z0-9-]*";
          default = "centre";
          description = "The provider's name of this centre. The secret `centre-oidc-secret` has the client's secret; a Dex on this host is given the client, and needs the same secret as DEX_CLIENT_CENTRE.";
        };
        amr = mkOption {
          type = types.listOf types.singleLineStr;
          default = [];
          example = ["mfa"];
          description = "Methods of which the provider must have used one (`amr`), such as a second factor; empty: any.";
        };
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
    pantheros.secrets = lib.mapAttrs' (_: secret: lib.nameValuePair secret {services = [name];}) credentials;

    pantheros.services.dex.clients = lib.mkIf (config.pantheros.services.dex.enable && cfg.oidc.issuer != null) [
      {
        id = cfg.oidc.clientId;
        name = "Control centre";
        redirectURIs = ["https://${lib.head cfg.names}/sign-on/callback"];
      }
    ];

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
      environment =
        {
          PANTHEROS_FLEET = "${../../fleet.toml}";
          PANTHEROS_SSH_KEY = "%d/ssh-key";
          NODE_ENV = "production";
          # glibc keeps freed memory for each thread: 8 MB less with one arena, measured with Node 24.
          MALLOC_ARENA_MAX = "1";
        }
        // lib.optionalAttrs (cfg.operatorRoles != []) {PANTHEROS_OPERATOR_KEYS = "%d";}
        // lib.optionalAttrs (cfg.oidc.issuer != null) {
          PANTHEROS_OIDC_ISSUER = cfg.oidc.issuer;
          PANTHEROS_OIDC_CLIENT_ID = cfg.oidc.clientId;
          PANTHEROS_OIDC_SECRET_FILE = "%d/oidc-secret";
          PANTHEROS_OIDC_AMR = lib.concatStringsSep " " cfg.oidc.amr;
        };
      serviceConfig =
        hardening.serviceConfig
        // {
          ExecStart = lib.escapeShellArgs ([
              "${pkgs.nodejs}/bin/node"
              # Small heaps and no compiled code: bench/centre.ts measures both, docs/control-centre.md.
              "--max-semi-space-size=1"
              "--max-old-space-size=48"
              "--optimize-for-size"
              "--no-opt"
              "--no-maglev"
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
          LoadCredential = lib.mapAttrsToList (credential: secret: "${credential}:${config.pantheros.secrets.${secret}.path}") credentials;
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
