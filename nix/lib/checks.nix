# The supervisor's files on the host: etc/pantheros/checks and etc/pantheros/deploy.conf.
let
  inherit (builtins) concatStringsSep match;

  field = value:
    if value == null || value == ""
    then "-"
    else toString value;

  # One check per line, tab separated: kind, name, target, status, body, timeout in seconds; `-` is empty.
  line = check: let
    fields = map field [check.kind check.name check.target check.status check.body check.timeoutSeconds];
  in
    if match ".*[\t\n].*" (concatStringsSep "" fields) != null
    then throw "health check \"${check.name}\": its fields must not contain tabs or line breaks"
    else concatStringsSep "\t" fields;

  lines = entries: concatStringsSep "" (map (entry: "${entry}\n") entries);

  setting = key: value:
    if value == null
    then []
    else [
      "${key}=${
        if builtins.isBool value
        then builtins.toJSON value
        else toString value
      }"
    ];
in {
  checks = checks: lines (map line checks);

  # KEY=VALUE for the supervisor; times are in seconds. The supervisor has a default for each missing key.
  deployConf = deploy:
    lines (
      setting "confirm_seconds" deploy.confirmSeconds
      ++ setting "health_seconds" deploy.healthSeconds
      ++ setting "health_period" deploy.healthPeriodSeconds
      ++ setting "switch_seconds" (deploy.switchSeconds or null)
      ++ setting "reboot" (deploy.reboot or null)
      ++ setting "reboot_seconds" (deploy.rebootSeconds or null)
      ++ setting "require_signature" (deploy.requireSignature or null)
      ++ setting "trusted_keys" (deploy.trustedPublicKeys or null)
    );
}
