# pantheros-operator joined with the supervisor's functions for texts, without an interpreter line. Pure
# builtins, because the sandbox's systems use it too.
let
  inherit (builtins) readFile replaceStrings;
in
  readFile ../supervisor/text.sh + "\n" + replaceStrings ["#!/bin/sh\n"] [""] (readFile ./main.sh)
