# Every option that the modules of nix/ declare, in the order of their names, with the file that declares it:
#   nix-instantiate --eval --strict --json --arg modules ./nix/modules tools/nix/options.nix
{modules}: let
  inherit (builtins) attrNames concatMap functionArgs isAttrs isFunction isList isPath;
  lib = import ./lib-stub.nix;
  root = toString modules + "/";
  relative = path: builtins.substring (builtins.stringLength root) (-1) (toString path);

  # The arguments of a module. Only declarations are read, so reading a value is an error.
  given = name:
    {
      inherit lib;
      name = "NAME";
    }
    .${name}
    or (throw "a declaration reads `${name}`: give the option a defaultText, so that it needn't");
  call = module:
    if isFunction module
    then module (builtins.mapAttrs (name: _: given name) (functionArgs module))
    else module;

  fileOf = path:
    if builtins.readFileType path == "directory"
    then path + "/default.nix"
    else path;

  files = path: let
    file = fileOf path;
    module = call (import file);
  in
    [
      {
        inherit file;
        declared = module.options or {};
      }
    ]
    ++ concatMap files (builtins.filter isPath (module.imports or []));

  inside = type:
    if type ? module
    then {
      suffix = "";
      module = call (
        if isList type.module
        then builtins.head type.module
        else type.module
      );
    }
    else if type ? inner
    then let
      deeper = inside type.inner;
    in
      if deeper == null
      then null
      else
        deeper
        // {
          suffix =
            (
              if builtins.match "attribute set.*" type.name != null
              then ".NAME"
              else if builtins.match "list.*" type.name != null
              then ".*"
              else ""
            )
            + deeper.suffix;
        }
    else null;

  leaf = file: name: option: let
    deeper = inside option.type;
  in
    (
      if option.internal or false
      then []
      else [
        {
          inherit name;
          file = relative file;
          type = option.type.name;
          description = option.description or "";
          default =
            if option ? defaultText
            then option.defaultText.text or option.defaultText
            else if option ? default
            then builtins.toJSON option.default
            else null;
        }
      ]
    )
    ++ (
      if deeper == null
      then []
      else walk file "${name}${deeper.suffix}." (deeper.module.options or {})
    );

  walk = file: prefix: set:
    concatMap (
      key: let
        value = set.${key};
      in
        if !isAttrs value
        then []
        else if (value._type or null) == "option"
        then leaf file "${prefix}${key}" value
        else walk file "${prefix}${key}." value
    ) (attrNames set);

  # A module may add to the table that another module declares and describes.
  described = builtins.listToAttrs (map (option: {
      inherit (option) name;
      value = true;
    })
    (builtins.filter (option: option.description != "") all));
  all = concatMap (entry: walk entry.file "" entry.declared) (files modules);
in
  builtins.sort (a: b: a.name < b.name)
  (builtins.filter (option: option.description != "" || !described ? ${option.name}) all)
