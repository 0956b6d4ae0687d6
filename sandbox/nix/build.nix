# Store paths without nixpkgs: texts, and derivations that need only /bin/sh and the machine's own tools.
{system}: let
  inherit (builtins) replaceStrings;

  # The explicit exit works around Nix, which sometimes treats a last coreutils process as a killed build.
  run = name: variables: script:
    derivation (variables
      // {
        inherit name system;
        builder = "/bin/sh";
        args = ["-euc" "${script}\nexit 0\n"];
        # The last directory has coreutils on a NixOS machine.
        PATH = "/usr/bin:/bin:/run/current-system/sw/bin";
        preferLocalBuild = true;
        allowSubstitutes = false;
      });

  # A text as a store path, written during evaluation, so it may refer only to sources and other texts.
  text = name: builtins.toFile (replaceStrings ["@" ":" "\\" "/"] ["-" "-" "-" "-"] name);
in {
  inherit run text;

  # entries: [{path, source, mode}] -> a tree of links to the sources, and the manifest that `activate` reads. mode:
  # "symlink", or the mode of a copy, for programs that refuse files below a group-writable directory.
  tree = name: entries:
    run name {
      passAsFile = ["entries"];
      entries = builtins.concatStringsSep "" (map (entry: "${entry.mode}\t${entry.path}\t${entry.source}\n") entries);
    } ''
      mkdir -p "$out/etc"
      while read -r mode path source; do
        mkdir -p "$(dirname "$out/etc/$path")"
        ln -s "$source" "$out/etc/$path"
        [ "$mode" = none ] || printf '%s\t%s\n' "$mode" "$path"
      done <"$entriesPath" >"$out/manifest"
    '';

  # Closures of a given size, for measurements: `paths` store paths of `bytes` bytes that hardly
  # compress. A different `seed` changes the content.
  filler = {
    paths,
    bytes,
    seed ? "",
  }:
    builtins.genList (index:
      run "filler-${toString index}" {
        inherit seed;
        bytes = toString bytes;
        start = toString (index + 1);
      } ''
        # A linear congruential generator gives the same bytes with every awk.
        awk -v start="$start" -v seed="$seed" -v bytes="$bytes" 'BEGIN {
          x = start * 7919
          for (i = 1; i <= length(seed); i++)
            x = (x * 131 + index("abcdefghijklmnopqrstuvwxyz0123456789.-_", substr(seed, i, 1))) % 4294967296
          for (n = 0; n + 8 <= bytes; n += 8) {
            x = (x * 69069 + 12345) % 4294967296
            printf "%08x", x
          }
        }' >"$out"
      '')
    paths;
}
