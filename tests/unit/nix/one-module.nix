# The settings of one module of nix/modules, evaluated by itself from given values. Nothing is merged with other modules and
# no type is checked; `make nix-eval` does that with a nixpkgs.
#   module: path; config: values of other modules; args: host, fleet, registry, …
{
  nix,
  module,
  config,
  args ? {},
}: let
  inherit (builtins) attrNames concatMap concatStringsSep elem filter foldl' isFunction isList listToAttrs map stringLength substring;
  libStub = import (nix + "/../tools/nix/lib-stub.nix");
  lib =
    libStub
    // rec {
      inherit (builtins) elemAt genList hasAttr length replaceStrings;
      inherit concatMap;
      allUnique = list: builtins.length (unique list) == builtins.length list;
      any = builtins.any;
      all = builtins.all;
      mkIf = condition: value:
        if condition
        then value
        else
          (
            if isList value
            then []
            else {}
          );
      mkMerge = parts:
        if builtins.any isList parts
        then concatMap (part: part) (filter isList parts)
        else foldl' libStub.recursiveUpdate {} parts;
      mkDefault = value: value;
      mkForce = value: value;
      mkAfter = value: value;
      mkOverride = _: value: value;
      mkBefore = value: value;
      optional = condition: value:
        if condition
        then [value]
        else [];
      optionals = condition: value:
        if condition
        then value
        else [];
      optionalAttrs = condition: value:
        if condition
        then value
        else {};
      optionalString = condition: value:
        if condition
        then value
        else "";
      concatMapStringsSep = separator: make: list: concatStringsSep separator (map make list);
      concatMapStrings = make: list: concatStringsSep "" (map make list);
      concatStrings = concatStringsSep "";
      concatLines = list: concatStringsSep "" (map (line: "${line}\n") list);
      unique = foldl' (known: item:
        if elem item known
        then known
        else known ++ [item]) [];
      filterAttrs = keep: set: removeAttrs set (filter (name: !keep name set.${name}) (attrNames set));
      nameValuePair = name: value: {inherit name value;};
      mapAttrs' = make: set: listToAttrs (map (name: make name set.${name}) (attrNames set));
      hasPrefix = prefix: text: substring 0 (stringLength prefix) text == prefix;
      hasSuffix = suffix: text: let
        at = stringLength text - stringLength suffix;
      in
        at >= 0 && substring at (-1) text == suffix;
      removePrefix = prefix: text:
        if hasPrefix prefix text
        then substring (stringLength prefix) (-1) text
        else text;
      removeSuffix = suffix: text:
        if hasSuffix suffix text
        then substring 0 (stringLength text - stringLength suffix) text
        else text;
      escapeShellArg = text: "'${toString text}'";
      escapeShellArgs = concatMapStringsSep " " escapeShellArg;
      toShellVars = vars: concatLines (map (name: "${name}='${toString vars.${name}}'") (attrNames vars));
      getExe = package: "${package}/bin/main";
      makeBinPath = concatMapStringsSep ":" (package: "${package}/bin");
      toUpper = replaceStrings (splitLetters "abcdefghijklmnopqrstuvwxyz") (splitLetters "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
      splitLetters = text: genList (at: substring at 1 text) (stringLength text);
      defaultTo = value: given:
        if given == null
        then value
        else given;
      last = list: builtins.elemAt list (builtins.length list - 1);
      subtractLists = gone: filter (item: !elem item gone);
    };
  pkgs =
    listToAttrs (map (name: {
      inherit name;
      value = "/pkgs/${name}";
    }) ["alejandra" "bash-language-server" "btrfs-progs" "cargo" "clang-tools" "clippy" "cmake" "coreutils" "devcontainer" "ghostty" "wget" "curl" "diffutils" "gcc" "gnugrep" "gnumake" "gnused" "go" "gopls" "iproute2" "jq" "kopia" "libfido2" "nixos-facter" "ollama" "ollama-rocm" "ollama-vulkan" "pam_u2f" "nil" "nodejs" "opencode" "openldap" "openssh" "pkg-config" "pyright" "python3" "rclone" "runtimeShell" "rust-analyzer" "rustc" "rustfmt" "rustic" "shellcheck" "shfmt" "systemd" "typescript-language-server" "util-linux" "uv"])
    // {
      pantheros.check-hook = "/pkgs/check-hook";
      formats.toml = _: {generate = name: value: {inherit name value;};};
      stdenv.hostPlatform.system = "x86_64-linux";
      callPackage = _: _: "/pkgs/package";
      writeShellScript = name: _: "/pkgs/${name}";
      writeShellScriptBin = name: _: "/pkgs/${name}";
      writeText = name: _: "/pkgs/${name}";
      writeTextDir = name: _: "/pkgs/${name}";
      writeTextFile = {name, ...}: "/pkgs/${name}";
    };
  written = import module;
  result =
    if isFunction written
    then written ({inherit config lib pkgs;} // args)
    else written;
in
  result.config or result
