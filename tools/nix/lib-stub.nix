# The part of nixpkgs' `lib` that declaring options needs, so that a machine without nixpkgs can list them. Types are
# only names; nothing is merged or checked.
let
  inherit (builtins) elemAt genList isAttrs isString split;

  recursiveUpdate = old: new:
    old
    // builtins.mapAttrs (
      name: value:
        if isAttrs value && isAttrs (old.${name} or null) && !(value ? _type)
        then recursiveUpdate old.${name} value
        else value
    )
    new;

  simple = name: {inherit name;};
  of = name: inner: {
    name = "${name} of ${inner.name}";
    inherit inner;
  };
  text = value: {
    _type = "text";
    text = value;
  };
in rec {
  inherit (builtins) attrNames attrValues concatLists concatStringsSep elem filter foldl' head length listToAttrs map mapAttrs tail;
  inherit recursiveUpdate;

  types = {
    anything = simple "anything";
    attrs = simple "attribute set";
    bool = simple "boolean";
    float = simple "number";
    int = simple "integer";
    lines = simple "lines";
    package = simple "package";
    path = simple "path";
    port = simple "port";
    raw = simple "anything";
    singleLineStr = simple "one line";
    str = simple "string";
    ints = {
      positive = simple "positive integer";
      unsigned = simple "integer, not negative";
      between = low: high: simple "integer, ${toString low} to ${toString high}";
    };
    numbers.between = low: high: simple "number, ${toString low} to ${toString high}";
    attrsOf = of "attribute set";
    lazyAttrsOf = of "attribute set";
    listOf = of "list";
    nonEmptyListOf = of "list";
    nullOr = inner: {
      name = "${inner.name}, or null";
      inherit inner;
    };
    either = a: b: simple "${a.name} or ${b.name}";
    oneOf = list: simple (concatStringsSep " or " (map (type: type.name) list));
    enum = values: simple (concatStringsSep ", " (map builtins.toJSON values));
    strMatching = pattern: simple "string like `${pattern}`";
    submodule = module: {
      name = "table";
      inherit module;
    };
  };

  mkOption = option: option // {_type = "option";};
  mkEnableOption = what:
    mkOption {
      type = types.bool;
      default = false;
      description = "Whether to turn on ${what}.";
    };
  literalExpression = text;
  literalMD = text;

  splitString = separator: string: filter isString (split (builtins.replaceStrings ["."] ["\\."] separator) string);
  setAttrByPath = path: value:
    foldl' (inner: index: {${elemAt path (length path - 1 - index)} = inner;}) value (genList (index: index) (length path));
  genAttrs = names: make:
    builtins.listToAttrs (map (name: {
        inherit name;
        value = make name;
      })
      names);
  mapAttrsToList = make: set: map (name: make name set.${name}) (builtins.attrNames set);
}
