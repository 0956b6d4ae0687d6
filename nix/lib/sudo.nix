# What sudo reads beside NixOS's own rules for root and wheel, as text. Pure.
let
  inherit (builtins) attrNames concatStringsSep filter replaceStrings;
  # Source: sudoers(5), "Other special characters and reserved words".
  escaped = replaceStrings ["\\" "," ":" "="] ["\\\\" "\\," "\\:" "\\="];
in
  # `users`: account -> { role; ... }; `roles`: role -> { sudo; ... }. One rule for each account rather than for a group: groups
  # say what a role is on the host, not who has it.
  {
    roles,
    users,
  }: let
    commandsOf = name: roles.${users.${name}.role}.sudo or [];
    # A pager or an editor would be a shell of root's.
    rule = name: "${name} ALL=(root) ${concatStringsSep ", " (map (command: "NOEXEC: ${escaped command}") (commandsOf name))}";
  in
    concatStringsSep "\n" (
      ["Defaults logfile=/var/log/sudo.log, log_subcmds" "Defaults timestamp_timeout=5"]
      ++ map rule (filter (name: commandsOf name != []) (attrNames users))
      ++ [""]
    )
