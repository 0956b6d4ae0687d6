# Git, with the person's name and address of the inventory.
{
  lib,
  person,
  ...
}: {
  programs.git = {
    enable = lib.mkDefault true;
    lfs.enable = lib.mkDefault true;
    settings = {
      user =
        {
          # Without a name or address Git refuses to commit, instead of making one up from the host's name.
          useConfigOnly = lib.mkDefault true;
        }
        // lib.optionalAttrs (person.description != "") {name = lib.mkDefault person.description;}
        // lib.optionalAttrs (person.email != null) {email = lib.mkDefault person.email;};
      init.defaultBranch = lib.mkDefault "main";
      pull.ff = lib.mkDefault "only";
      push.autoSetupRemote = lib.mkDefault true;
      rerere.enabled = lib.mkDefault true;
    };
  };
}
