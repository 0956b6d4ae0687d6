# The colours of terminal, editor, desktop and boot. Pure. Gruvbox, because terminal, editors and pagers ship it under a
# name of their own. Source of the values: github.com/morhetz/gruvbox.
{
  dark = {
    background = "#282828";
    foreground = "#ebdbb2";
    surface = "#3c3836";
    accent = "#d79921";
    # The sixteen of a terminal, in their order.
    terminal = [
      "#282828"
      "#cc241d"
      "#98971a"
      "#d79921"
      "#458588"
      "#b16286"
      "#689d6a"
      "#a89984"
      "#928374"
      "#fb4934"
      "#b8bb26"
      "#fabd2f"
      "#83a598"
      "#d3869b"
      "#8ec07c"
      "#ebdbb2"
    ];
    names = {
      bat = "gruvbox-dark";
      helix = "gruvbox";
      # Neovim's own colour scheme in gruvbox's colours.
      neovim = "retrobox";
      zed = "Gruvbox Dark";
    };
  };
  light = {
    background = "#fbf1c7";
    foreground = "#3c3836";
    surface = "#ebdbb2";
    accent = "#b57614";
    terminal = [
      "#fbf1c7"
      "#cc241d"
      "#98971a"
      "#d79921"
      "#458588"
      "#b16286"
      "#689d6a"
      "#7c6f64"
      "#928374"
      "#9d0006"
      "#79740e"
      "#b57614"
      "#076678"
      "#8f3f71"
      "#427b58"
      "#3c3836"
    ];
    names = {
      bat = "gruvbox-light";
      helix = "gruvbox_light";
      neovim = "retrobox";
      zed = "Gruvbox Light";
    };
  };
}
