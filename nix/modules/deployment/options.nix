# What a host can say about how it is deployed to. Times are whole seconds.
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
        description = "What is looked at.";
      };
      name = mkOption {
        type = types.strMatching "[a-z0-9][a-z0-9._-]*";
        description = "What reports call it.";
      };
      target = mkOption {
        type = types.str;
        example = "http://127.0.0.1:8080/";
        description = "A URL, HOST:PORT, a unit, or a shell command that runs as root.";
      };
      status = mkOption {
        type = types.nullOr (types.ints.between 100 599);
        default = null;
        description = "Status an HTTP answer must have; any of 2xx and 3xx when null.";
      };
      body = mkOption {
        type = types.nullOr types.str;
        default = null;
        description = "Text an HTTP answer must contain.";
      };
      timeoutSeconds = seconds defaults."hosts.health.unit".timeout_seconds "What one attempt may take.";
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
      description = "Public SSH keys that may only ask for the host's status, for previews of pull requests.";
    };
    trustedPublicKeys = mkOption {
      type = types.listOf types.singleLineStr;
      default = [];
      example = ["fleet-1:AAAA…="];
      description = "Nix public keys whose signatures the host accepts, beside those of its caches.";
    };
    requireSignature = mkOption {
      type = types.bool;
      default = true;
      description = ''
        Activate only systems that one of trustedPublicKeys has signed; other keys that Nix trusts here, such as a public
        cache's, do not count. A path that was built on the host itself needs no signature to be in its store, so without
        this the deploy user could build a system there and have it activated. Closures that are built on the host must be
        signed there.
      '';
    };
    confirmSeconds = seconds deploy.confirm_seconds "How long a healthy new system waits for its confirmation before the old one comes back.";
    healthSeconds = seconds deploy.health_seconds "In which all checks must have succeeded in one round.";
    healthPeriodSeconds = seconds deploy.health_period_seconds "Between two rounds of checks.";
    switchSeconds = seconds deploy.switch_seconds "What one run of switch-to-configuration may take.";
    reboot = mkOption {
      type = types.enum ["allow" "never"];
      default = defaults.hosts.reboot;
      description = ''
        Whether a deploy of a system with another kernel, or with components that cannot be exchanged while they run, may
        reboot this host. With never, such a component makes the new system wait for somebody's reboot, and a new kernel
        is left to the next one.
      '';
    };
    rebootSeconds = seconds deploy.reboot_seconds "What going down may take, and what coming up again may take.";
    checks = mkOption {
      type = types.listOf check;
      default = [];
      description = "Checks of the host's health, run on the host after each activation.";
    };
  };
}
