# The supervisor with a PATH of its own. Its programs belong to the system that it is part of, so it does not depend
# on that system's environment. The system, and these programs with it, is pinned during an activation.
{
  lib,
  bash,
  coreutils,
  curl,
  gawk,
  gnugrep,
  gnused,
  nix,
  runtimeShell,
  systemd,
  util-linux,
  writeTextFile,
}: let
  path = lib.makeBinPath [bash coreutils curl gawk gnugrep gnused nix systemd util-linux];
in
  writeTextFile {
    name = "pantheros-supervisor";
    executable = true;
    destination = "/bin/pantheros-supervisor";
    text = "#!${runtimeShell}\nPATH=${path}\nexport PATH\n" + import ./parts.nix;
    meta = {
      description = "Activates NixOS systems, and rolls back those that fail";
      mainProgram = "pantheros-supervisor";
    };
  }
