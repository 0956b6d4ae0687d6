# The supervisor's text: its parts in one file, main.sh last, without an interpreter's line. Pure builtins: the sandbox's systems
# use it too.
let
  inherit (builtins) attrNames concatStringsSep filter match readDir readFile replaceStrings;
  parts = filter (name: match ".*\\.sh" name != null && name != "main.sh") (attrNames (readDir ./supervisor));
  main = replaceStrings ["#!/bin/sh\n"] [""] (readFile ./supervisor/main.sh);
in
  concatStringsSep "\n" (map (name: readFile (./supervisor + "/${name}")) parts ++ [main])
