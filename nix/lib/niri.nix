# niri's configuration as text. Pure. Source of the form: niri's wiki, "Configuration"; of the shell's commands:
# DankMaterialShell, docs/IPC.md.
# `outputs`: connector -> {scale, mode}. `palette`: lib/theme.nix. `shell`: whether DankMaterialShell runs.
{
  keyboardLayout,
  outputs,
  palette,
  shell,
  terminal,
}: let
  inherit (builtins) attrNames concatStringsSep genList toJSON toString;
  lines = concatStringsSep "\n";
  optional = condition: line:
    if condition
    then [line]
    else [];
  # A KDL string has JSON's escapes.
  quoted = toJSON;
  output = name: let
    screen = outputs.${name};
  in
    lines (
      ["output ${quoted name} {"]
      ++ optional (screen.scale != null) "    scale ${toString screen.scale}"
      ++ optional (screen.mode != null) "    mode ${quoted screen.mode}"
      ++ ["}"]
    );

  command = words: concatStringsSep " " (map quoted words);
  bind = keys: words: "    ${keys} { spawn ${command words}; }";
  dms = words: ["dms" "ipc" "call"] ++ words;
  shellBinds = [
    (bind "Mod+Space" (dms ["spotlight" "toggle"]))
    (bind "Mod+N" (dms ["notifications" "toggle"]))
    (bind "Mod+V" (dms ["clipboard" "toggle"]))
    (bind "Mod+Alt+L" (dms ["lock" "lock"]))
    (bind "XF86AudioRaiseVolume allow-when-locked=true" (dms ["audio" "increment" "3"]))
    (bind "XF86AudioLowerVolume allow-when-locked=true" (dms ["audio" "decrement" "3"]))
    (bind "XF86AudioMute allow-when-locked=true" (dms ["audio" "mute"]))
    (bind "XF86MonBrightnessUp allow-when-locked=true" (dms ["brightness" "increment" "5" ""]))
    (bind "XF86MonBrightnessDown allow-when-locked=true" (dms ["brightness" "decrement" "5" ""]))
  ];
  workspaces = genList (index: let
    number = toString (index + 1);
  in "    Mod+${number} { focus-workspace ${number}; }\n    Mod+Shift+${number} { move-column-to-workspace ${number}; }")
  9;
in
  lines (
    [
      ''
        input {
            keyboard {
                xkb {
                    layout ${quoted keyboardLayout}
                }
            }
            touchpad {
                tap
                natural-scroll
            }
        }
        prefer-no-csd
        hotkey-overlay {
            skip-at-startup
        }
        layout {
            gaps 8
            focus-ring {
                width 2
                active-color ${quoted palette.accent}
                inactive-color ${quoted palette.surface}
            }
        }''
    ]
    ++ map output (attrNames outputs)
    ++ ["binds {"]
    ++ [(bind "Mod+Return" [terminal])]
    ++ (
      if shell
      then shellBinds
      else []
    )
    ++ [
      ''
        ${"    "}Mod+Shift+Slash { show-hotkey-overlay; }
            Mod+Q repeat=false { close-window; }
            Mod+O repeat=false { toggle-overview; }
            Mod+Left { focus-column-left; }
            Mod+Right { focus-column-right; }
            Mod+Up { focus-window-or-workspace-up; }
            Mod+Down { focus-window-or-workspace-down; }
            Mod+Shift+Left { move-column-left; }
            Mod+Shift+Right { move-column-right; }
            Mod+F { maximize-column; }
            Mod+Shift+F { fullscreen-window; }
            Mod+R { switch-preset-column-width; }
            Mod+Shift+Space { toggle-window-floating; }
            Print { screenshot; }
            Mod+Shift+E { quit; }''
    ]
    ++ workspaces
    ++ ["}" ""]
  )
