# Accounts and what their roles allow. A role is groups, sudo rules and capabilities; the directory, single sign-on and
# the control centre read the same table.
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
        description = "Groups in the directory that single sign-on asks.";
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
        description = "Commands of the control centre that the role may use; `*` at the end stands for all that follows.";
      };
    };
  };

  user = types.submodule {
    options = {
      role = mkOption {
        type = types.str;
        example = "admin";
        description = "What the account may do: one of `pantheros.roles`.";
      };
      description = mkOption {
        type = types.str;
        default = "";
        description = "Full name.";
      };
      email = mkOption {
        type = types.nullOr types.str;
        default = null;
        description = "Address, for Git and the directory.";
      };
      shell = mkOption {
        type = types.enum ["bash" "fish" "zsh"];
        default = (import ../../lib/defaults.nix).users.shell;
        description = "Login shell.";
      };
      authorizedKeys = mkOption {
        type = types.listOf types.singleLineStr;
        default = [];
        description = "Public SSH keys; there is no other way in.";
      };
      passwordSecret = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "password-hbohlen";
        description = "Secret that holds the hash of the account's password, which sudo and a console ask for.";
      };
      containers = mkOption {
        type = types.bool;
        default = false;
        description = "Runs containers of its own without root, also when nobody is logged in.";
      };
    };
  };

  roleOf = account: cfg.roles.${account.role} or {groups = [];};
  strangers = lib.filterAttrs (_: account: !cfg.roles ? ${account.role}) cfg.users;
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
    # Accounts are declared. The deploy user is no wheel user, which NixOS takes for a lock-out.
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

    # Read when accounts are made, which is before any service fetches secrets: only what lies on disk is there then.
    pantheros.secrets = lib.genAttrs passwords (_: {backend = lib.mkDefault "delivered";});

    assertions =
      lib.mapAttrsToList (name: account: {
        assertion = false;
        message = "pantheros.users.${name}.role is \"${account.role}\"; roles are ${toString (lib.attrNames cfg.roles)}";
      })
      strangers;

    programs.fish.enable = lib.mkIf (lib.elem "fish" shells) true;
    programs.zsh.enable = lib.mkIf (lib.elem "zsh" shells) true;
  };
}
