# pantheros-operator with a PATH of its own, as the supervisor has. sudo is a setuid program, so it is
# outside of the store.
{
  lib,
  coreutils,
  gawk,
  gnugrep,
  gnused,
  runtimeShell,
  systemd,
  writeTextFile,
}: let
  path = lib.makeBinPath [coreutils gawk gnugrep gnused systemd];
in
  writeTextFile {
    name = "pantheros-operator";
    executable = true;
    destination = "/bin/pantheros-operator";
    text = "#!${runtimeShell}\nPATH=${path}:/run/wrappers/bin\nexport PATH\n" + import ./text.nix;
    meta = {
      description = "What roles of the control centre may do on a host";
      mainProgram = "pantheros-operator";
    };
  }
