# Accounts and their roles. A role is groups, sudo rules and capabilities; the directory, single sign-on
# and the control centre read the same table.
{
  config,
  lib,
  pkgs,
  ...
}: let
  inherit (lib) mkOption types;
  cfg = config.pantheros;

  role = types.submodule {
    options = {
      groups = mkOption {
        type = types.listOf types.str;
        default = [];
        description = "Groups on the host.";
      };
      directoryGroups = mkOption {
        type = types.listOf types.str;
        default = [];
        description = "Groups in the directory of single sign-on.";
      };
      sudo = mkOption {
        type = types.listOf types.str;
        default = [];
        example = ["/run/current-system/sw/bin/systemctl restart caddy.service"];
        description = "Commands the role may run as root, with the account's password.";
      };
      capabilities = mkOption {
        type = types.listOf types.str;
        default = [];
        example = ["status.*"];
        description = "What the role may do in the control centre and through it on hosts; `*` at the end matches any suffix.";
      };
      operatorKeys = mkOption {
        type = types.listOf types.singleLineStr;
        default = [];
        description = "Public SSH keys with which a control centre acts on this host for people of the role.";
      };
      restartUnits = mkOption {
        type = types.listOf (types.strMatching "[A-Za-z0-9*][A-Za-z0-9@_.*-]*\\.service");
        default = [];
        example = ["caddy.service"];
        description = "Units that the role may restart with the capability `service.restart`; `*` stands for any text.";
      };
    };
  };

  user = types.submodule {
    options = {
      role = mkOption {
        type = types.str;
        example = "admin";
        description = "Role of the account, from `pantheros.roles`.";
      };
      description = mkOption {
        type = types.str;
        default = "";
        description = "Full name.";
      };
      email = mkOption {
        type = types.nullOr types.str;
        default = null;
        description = "E-mail address, for Git and the directory.";
      };
      shell = mkOption {
        type = types.enum ["bash" "fish" "zsh"];
        default = (import ../../lib/defaults.nix).users.shell;
        description = "Login shell.";
      };
      authorizedKeys = mkOption {
        type = types.listOf types.singleLineStr;
        default = [];
        description = "Public SSH keys, the only way to log in over SSH.";
      };
      passwordSecret = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "password-hbohlen";
        description = "Secret with the hash of the account's password, for sudo and the console.";
      };
      containers = mkOption {
        type = types.bool;
        default = false;
        description = "Whether the account runs rootless containers, which continue after it logs out.";
      };
    };
  };

  roleOf = account: cfg.roles.${account.role} or {groups = [];};
  withUnknownRole = lib.filterAttrs (_: account: !cfg.roles ? ${account.role}) cfg.users;
  shells = lib.unique (lib.filter (shell: shell != "bash") (map (account: account.shell) (lib.attrValues cfg.users)));
  passwords = lib.filter (name: name != null) (map (account: account.passwordSecret) (lib.attrValues cfg.users));
in {
  options.pantheros = {
    roles = mkOption {
      type = types.attrsOf role;
      default = {};
      description = "Roles of the fleet: admin, restricted-admin, guest.";
    };
    users = mkOption {
      type = types.attrsOf user;
      default = {};
      description = "People with an account on this host.";
    };
  };

  config = {
    # Accounts are declared here only. NixOS asserts that an account in wheel can log in, and the deploy
    # user is not in wheel.
    users.mutableUsers = lib.mkDefault false;
    users.allowNoPasswordLogin = lib.mkDefault true;

    users.users =
      lib.mapAttrs (_: account: {
        isNormalUser = true;
        inherit (account) description;
        extraGroups = (roleOf account).groups;
        shell = pkgs.${account.shell};
        openssh.authorizedKeys.keys = account.authorizedKeys;
        hashedPasswordFile = lib.mkIf (account.passwordSecret != null) cfg.secrets.${account.passwordSecret}.path;
        linger = account.containers;
        autoSubUidGidRange = account.containers;
      })
      cfg.users;

    # Accounts are created before any service fetches secrets, so the hash must already be on disk.
    pantheros.secrets = lib.genAttrs passwords (_: {backend = lib.mkDefault "delivered";});

    assertions =
      lib.mapAttrsToList (name: account: {
        assertion = false;
        message = "pantheros.users.${name}.role is \"${account.role}\"; use one of ${toString (lib.attrNames cfg.roles)}";
      })
      withUnknownRole;

    programs.fish.enable = lib.mkIf (lib.elem "fish" shells) true;
    programs.zsh.enable = lib.mkIf (lib.elem "zsh" shells) true;
  };
}
