# A synthetic host as a value of deployTargets. Its cost matches that of the cloud server of nix/ with NixOS'
# modules and stub packages: 1.2 processor seconds, and 410 MB allocated by the evaluator (NIX_SHOW_STATS).
let
  # Number of attribute sets. All of them are kept, as in the module system; they determine the memory.
  options = 915000;
  # Number of calls that allocate nothing; they determine the rest of the time.
  rounds = 900;

  twice = value: value + value;
  isEven = value: value == twice (value / 2);
  option = index: {
    inherit index;
    name = "option-${toString index}";
    value = twice (index + 1);
    enabled = isEven index;
  };
  add = sum: {
    name,
    value,
    enabled,
    ...
  }:
    sum
    + (
      if enabled
      then value
      else builtins.stringLength name
    );

  # 1 MB
  text = builtins.concatStringsSep "" (builtins.genList (_: "0123456789abcdef") 65536);
  work = name: builtins.foldl' (sum: _: sum + builtins.stringLength (builtins.hashString "sha512" text)) (builtins.stringLength name) (builtins.genList (index: index) rounds);
in
  name: {seed}: let
    all = builtins.genList option options;
    system = derivation {
      name = "nixos-system-${name}";
      system = "x86_64-linux";
      builder = "/bin/sh";
      seed = "${seed} ${toString (builtins.foldl' add (work name) all)} ${toString (builtins.length all)}";
    };
    plain = builtins.unsafeDiscardStringContext;
  in {
    drvPath = plain system.drvPath;
    toplevel = plain system.outPath;
    inherit (system) system;
    kernel = "${plain system.outPath}/kernel";
    inhibitors = {};
    units = {};
  }
