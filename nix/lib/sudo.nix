# Text for sudoers in addition to NixOS' rules for root and wheel. Pure.
let
  inherit (builtins) attrNames concatStringsSep filter replaceStrings;
  # Source: sudoers(5), "Other special characters and reserved words".
  escaped = replaceStrings ["\\" "," ":" "="] ["\\\\" "\\," "\\:" "\\="];
in
  # `users`: account -> { role; ... }; `roles`: role -> { sudo; ... }. One rule per account instead of
  # per group, because several roles may share a group.
  {
    roles,
    users,
  }: let
    commandsOf = name: roles.${users.${name}.role}.sudo or [];
    # NOEXEC: a pager or an editor could otherwise start a root shell.
    rule = name: "${name} ALL=(root) ${concatStringsSep ", " (map (command: "NOEXEC: ${escaped command}") (commandsOf name))}";
  in
    concatStringsSep "\n" (
      ["Defaults logfile=/var/log/sudo.log, log_subcmds" "Defaults timestamp_timeout=5"]
      ++ map rule (filter (name: commandsOf name != []) (attrNames users))
      ++ [""]
    )
