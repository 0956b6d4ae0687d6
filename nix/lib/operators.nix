# What the roles of the control centre may do on a host through pantheros-operator, as text. Pure.
let
  inherit (builtins) any attrNames concatLists concatMap concatStringsSep filter fromJSON map readFile stringLength substring;

  # Verb -> capabilities, from inventory/capabilities.ts.
  verbs = fromJSON (readFile ./operator-verbs.json);

  hasPrefix = prefix: text: substring 0 (stringLength prefix) text == prefix;
  # As `grants` of inventory/capabilities.ts: the name itself, `*`, or `area.*`.
  includes = entry: wanted: let
    size = stringLength entry;
  in
    entry
    == "*"
    || entry == wanted
    || (size > 2 && substring (size - 2) 2 entry == ".*" && hasPrefix (substring 0 (size - 1) entry) wanted);
  mayCall = role: verb: any (capability: any (entry: includes entry capability) role.capabilities) verbs.${verb};
in rec {
  account = "pantheros-operator";
  # A path through the running system, so that the sudo rule also allows the next system's program.
  program = "/run/current-system/sw/bin/pantheros-operator";

  # `roles`: role -> { capabilities, operatorKeys, restartUnits }.
  forRoles = roles: let
    withKeys = filter (name: roles.${name}.operatorKeys != []) (attrNames roles);
    # The words of a restart are one for each unit, the other verbs have one line.
    lines = name:
      concatMap (verb:
        if verb == "restart"
        then map (unit: [name verb unit]) roles.${name}.restartUnits
        else [[name verb]])
      (filter (mayCall roles.${name}) (attrNames verbs));
  in {
    # Without a key there is neither the account nor a rule.
    enable = withKeys != [];

    # The key says which role it is; the command is not the caller's choice.
    authorizedKeys = concatMap (name: map (key: ''restrict,command="${program} ${name}" ${key}'') roles.${name}.operatorKeys) withKeys;

    # /etc/pantheros/operators: ROLE, VERB and for `restart` a pattern of units, tab separated.
    rules = concatStringsSep "" (map (words: "${concatStringsSep "\t" words}\n") (concatLists (map lines withKeys)));

    sudo = ''
      ${account} ALL=(root) NOPASSWD: ${program}
      Defaults:${account} !log_subcmds
    '';
  };
}
