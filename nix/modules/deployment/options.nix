# Options of a host's deploys. Times are in whole seconds.
{lib, ...}: let
  inherit (lib) mkOption types;
  defaults = import ../../lib/defaults.nix;
  inherit (defaults) deploy;
  seconds = default: description:
    mkOption {
      type = types.ints.unsigned;
      inherit default description;
    };
  check = types.submodule {
    options = {
      kind = mkOption {
        type = types.enum ["http" "tcp" "unit" "command"];
        description = "Kind of check.";
      };
      name = mkOption {
        type = types.strMatching "[a-z0-9][a-z0-9._-]*";
        description = "Name in reports.";
      };
      target = mkOption {
        type = types.str;
        example = "http://127.0.0.1:8080/";
        description = "A URL, HOST:PORT, a unit, or a shell command that runs as root.";
      };
      status = mkOption {
        type = types.nullOr (types.ints.between 100 599);
        default = null;
        description = "Required HTTP status; null: any of 2xx and 3xx.";
      };
      body = mkOption {
        type = types.nullOr types.str;
        default = null;
        description = "Text that the HTTP response must contain.";
      };
      timeoutSeconds = seconds defaults."hosts.health.unit".timeout_seconds "Time limit of one attempt.";
    };
  };
in {
  options.pantheros.deployment = {
    enable = lib.mkEnableOption "supervised deploys to this host";
    user = mkOption {
      type = types.strMatching "[a-z_][a-z0-9_-]*";
      default = deploy.user;
      description = "Account that deploys. It may run the supervisor as root, and nothing else.";
    };
    authorizedKeys = mkOption {
      type = types.listOf types.singleLineStr;
      default = [];
      description = "Public SSH keys that may deploy.";
    };
    probeKeys = mkOption {
      type = types.listOf types.singleLineStr;
      default = [];
      description = "Public SSH keys that may only read the host's status, for previews of pull requests.";
    };
    trustedPublicKeys = mkOption {
      type = types.listOf types.singleLineStr;
      default = [];
      example = ["fleet-1:AAAA…="];
      description = "Nix public keys that the host accepts in addition to those of its caches.";
    };
    requireSignature = mkOption {
      type = types.bool;
      default = true;
      description = ''
        Activate only systems that one of trustedPublicKeys has signed; other keys that Nix trusts, such as a public
        cache's, do not count. A path that was built on the host is in its store without a signature, so without this
        option the deploy user could build a system there and activate it. Systems that are built on the host must be
        signed there.
      '';
    };
    confirmSeconds = seconds deploy.confirm_seconds "How long a healthy new system waits for its confirmation before it is rolled back.";
    healthSeconds = seconds deploy.health_seconds "Time within which all checks must pass in one round.";
    healthPeriodSeconds = seconds deploy.health_period_seconds "Time between two rounds of checks.";
    switchSeconds = seconds deploy.switch_seconds "Time limit of one run of switch-to-configuration.";
    reboot = mkOption {
      type = types.enum ["allow" "never"];
      default = defaults.hosts.reboot;
      description = ''
        Whether a deploy may reboot this host for a new kernel, or for components that cannot be exchanged while they
        run. With `never`, a system with such a component waits for a reboot by hand, and a new kernel is used from the
        next reboot on.
      '';
    };
    bootLoader = mkOption {
      type = types.nullOr types.package;
      default = null;
      description = ''
        For a boot loader other than systemd-boot, GRUB and extlinux: a package with the program
        `bin/pantheros-boot-loader`. Its argument `default` prints the store path of the system that boots next,
        `once SYSTEM` makes the next boot, and only that one, start a system of the profile, and `cancel` undoes that. It
        fails for what the boot loader cannot do. Without it the boot default is reported as unknown, and a system that
        needs a reboot becomes the boot default before its checks.
      '';
    };
    rebootSeconds = seconds deploy.reboot_seconds "Time limit of the shutdown, and of the boot.";
    checks = mkOption {
      type = types.listOf check;
      default = [];
      description = "Health checks, run on the host after each activation.";
    };
  };
}
