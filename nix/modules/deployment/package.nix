# The supervisor with its own PATH: what it runs belongs to the system it is part of, so it works whatever that system's
# environment has become. That system is pinned during an activation, and these programs with it.
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
      description = "Activates NixOS systems so that the machine cannot be lost";
      mainProgram = "pantheros-supervisor";
    };
  }
