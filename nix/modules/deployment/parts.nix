# The supervisor's parts joined to one text, with main.sh last and without its interpreter line. Pure
# builtins, because the sandbox's systems use it too.
let
  inherit (builtins) attrNames concatStringsSep filter match readDir readFile replaceStrings;
  parts = filter (name: match ".*\\.sh" name != null && name != "main.sh") (attrNames (readDir ./supervisor));
  main = replaceStrings ["#!/bin/sh\n"] [""] (readFile ./supervisor/main.sh);
in
  concatStringsSep "\n" (map (name: readFile (./supervisor + "/${name}")) parts ++ [main])
