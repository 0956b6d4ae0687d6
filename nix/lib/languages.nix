# Language -> what work in it needs: compiler or interpreter, package manager, and a language server as the last one.
# Machines (modules/development/languages.nix) and shells (shells/) install the same.
pkgs: {
  c = [pkgs.gcc pkgs.gnumake pkgs.cmake pkgs.pkg-config pkgs.clang-tools];
  go = [pkgs.go pkgs.gopls];
  javascript = [pkgs.nodejs pkgs.typescript-language-server];
  nix = [pkgs.alejandra pkgs.nil];
  python = [pkgs.python3 pkgs.uv pkgs.pyright];
  rust = [pkgs.rustc pkgs.cargo pkgs.clippy pkgs.rustfmt pkgs.rust-analyzer];
  shell = [pkgs.shellcheck pkgs.shfmt pkgs.bash-language-server];
}
