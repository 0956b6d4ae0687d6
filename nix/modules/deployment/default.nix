# Makes a host deployable: the supervisor, the account that may run it, and the supervisor's settings.
{
  config,
  lib,
  pkgs,
  ...
}: let
  cfg = config.pantheros.deployment;
  files = import ../../lib/checks.nix;
  account = import ../../lib/deploy-account.nix;
  # A path through the running system instead of the store, so that the sudo rule also allows the next
  # system's supervisor.
  program = "/run/current-system/sw/bin/pantheros-supervisor";
  supervisor = pkgs.callPackage ./package.nix {
    nix = config.nix.package;
    systemd = config.systemd.package;
  };
  probeOnly = key: ''restrict,command="sudo -n ${program} probe" ${key}'';
in {
  imports = [./options.nix ./operator];

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = cfg.authorizedKeys != [];
        message = "pantheros.deployment.authorizedKeys is empty, so no later deploy could log in: set deploy.authorized_keys in fleet.toml";
      }
      {
        assertion = config.services.openssh.enable;
        message = "pantheros.deployment needs services.openssh.enable, because deploys and confirmations use SSH";
      }
      {
        assertion = config.security.sudo.enable && !config.security.sudo.execWheelOnly;
        message = "pantheros.deployment needs sudo for an account outside wheel: set security.sudo.enable, and leave security.sudo.execWheelOnly off";
      }
      {
        assertion = !(lib.elem cfg.user config.nix.settings.trusted-users || lib.elem "*" config.nix.settings.trusted-users);
        message = "pantheros.deployment.user is a trusted Nix user, so it could copy unsigned systems and become root: remove it (and \"*\") from nix.settings.trusted-users";
      }
      {
        assertion = lib.elem "*" config.nix.settings.allowed-users || lib.elem cfg.user config.nix.settings.allowed-users;
        message = "pantheros.deployment.user is not in nix.settings.allowed-users, so it could not copy systems to this host: add it there";
      }
    ];

    environment.systemPackages = [supervisor] ++ lib.optional (cfg.bootLoader != null) cfg.bootLoader;
    environment.etc = {
      "pantheros/checks".text = files.checks cfg.checks;
      "pantheros/deploy.conf".text = files.deployConf cfg;
      # Who deployed the running system. The supervisor writes it at each commit, for every user to read.
      "pantheros/deploy.json".source = "/var/lib/pantheros/deploy.json";
    };

    # After a reboot during a deploy, it checks the new system and waits for the confirmation, or rolls back.
    systemd.services.pantheros-resume = {
      description = "Continue a deploy after a reboot";
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
      # Commands over SSH need a shell; the account never has a password.
      useDefaultShell = true;
      openssh.authorizedKeys.keys = cfg.authorizedKeys ++ map probeOnly cfg.probeKeys;
    };

    # Its connections are not login sessions: logind, a runtime directory and a service manager for the
    # account would cost more than the command (measured in the sandbox: a status takes 0.4 s of
    # processor time with them, 0.15 s without).
    security.pam.services.sshd.rules.session = let
      sshd = config.security.pam.services.sshd;
    in
      lib.mkIf (config.services.openssh.settings.UsePAM && sshd.startSession) {
        pantheros-deploy = {
          # On success it skips the next rule, so nothing may come between them.
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
