# Makes a host deployable: the supervisor, the account that may run it, and what the supervisor reads.
{
  config,
  lib,
  pkgs,
  ...
}: let
  cfg = config.pantheros.deployment;
  files = import ../../lib/checks.nix;
  account = import ../../lib/deploy-account.nix;
  # Through the running system and not the store: the sudo rule must hold for the next system's supervisor too.
  program = "/run/current-system/sw/bin/pantheros-supervisor";
  supervisor = pkgs.callPackage ./package.nix {
    nix = config.nix.package;
    systemd = config.systemd.package;
  };
  probeOnly = key: ''restrict,command="sudo -n ${program} probe" ${key}'';
in {
  imports = [./options.nix];

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = cfg.authorizedKeys != [];
        message = "pantheros.deployment.authorizedKeys is empty: nobody could deploy to this host again";
      }
      {
        assertion = config.services.openssh.enable;
        message = "pantheros.deployment needs services.openssh.enable: deploys and confirmations come over SSH";
      }
      {
        assertion = config.security.sudo.enable && !config.security.sudo.execWheelOnly;
        message = "pantheros.deployment needs sudo for an account outside wheel: set security.sudo.enable, and not execWheelOnly";
      }
      {
        assertion = !(lib.elem cfg.user config.nix.settings.trusted-users || lib.elem "*" config.nix.settings.trusted-users);
        message = "pantheros.deployment.user is a trusted Nix user: it could bring unsigned systems, and so become root";
      }
      {
        assertion = lib.elem "*" config.nix.settings.allowed-users || lib.elem cfg.user config.nix.settings.allowed-users;
        message = "pantheros.deployment.user is not in nix.settings.allowed-users: it could not bring any system";
      }
    ];

    environment.systemPackages = [supervisor];
    environment.etc = {
      "pantheros/checks".text = files.checks cfg.checks;
      "pantheros/deploy.conf".text = files.deployConf cfg;
      # Whose deploy runs here; the supervisor writes it at each commit, for everybody to read.
      "pantheros/deploy.json".source = "/var/lib/pantheros/deploy.json";
    };

    # After a boot in the middle of a deploy: checks the system and waits for its confirmation, or goes back.
    systemd.services.pantheros-resume = {
      description = "Go on with a deploy that needed a reboot";
      wantedBy = ["multi-user.target"];
      unitConfig.ConditionPathExists = "/var/lib/pantheros/record";
      restartIfChanged = false;
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart = "${supervisor}/bin/pantheros-supervisor resume";
      };
    };

    users.groups.${cfg.user} = {};
    users.users.${cfg.user} = {
      description = "Deploys through pantheros-supervisor";
      isSystemUser = true;
      group = cfg.user;
      # Commands over SSH need a shell; a password is never set.
      useDefaultShell = true;
      openssh.authorizedKeys.keys = cfg.authorizedKeys ++ map probeOnly cfg.probeKeys;
    };

    # Its connections are no logins: logind, a runtime directory and a service manager of its own for the account would cost each
    # more than what it is for (measured in the sandbox, a status: 0.4 s of processor time with them, 0.15 s without).
    security.pam.services.sshd.rules.session = let
      sshd = config.security.pam.services.sshd;
    in
      lib.mkIf (config.services.openssh.settings.UsePAM && sshd.startSession) {
        pantheros-deploy = {
          # Jumps over the rule after it, so nothing may come between them.
          order = sshd.rules.session.systemd.order - 1;
          control = "[success=1 default=ignore]";
          modulePath = "${config.security.pam.package}/lib/security/pam_succeed_if.so";
          args = ["quiet" "user" "=" cfg.user];
        };
      };

    services.openssh.extraConfig = lib.mkAfter (account.sshd cfg.user);

    security.sudo.extraConfig = account.sudo {
      inherit (cfg) user;
      inherit program;
    };

    nix.settings = {
      trusted-public-keys = cfg.trustedPublicKeys;
      require-sigs = true;
    };
  };
}
