# The SSH client of machines that people work at: `ssh NAME` reaches each host of the fleet over the tailnet.
{
  config,
  lib,
  ...
}: let
  inherit (lib) mkOption types;
  cfg = config.pantheros.ssh.client;
  inherit (config.pantheros) desktop development;
  onePassword = desktop.enable && desktop.applications.enable && desktop.applications.onePassword;
in {
  options.pantheros.ssh.client = {
    enable = mkOption {
      type = types.bool;
      default = desktop.enable || development.enable;
      defaultText = lib.literalMD "with `pantheros.desktop.enable` or `pantheros.development.enable`";
      description = "Whether the SSH client has the fleet's hosts by name.";
    };
    hosts = mkOption {
      type = types.attrsOf (types.submodule {
        options = {
          address = mkOption {
            type = types.singleLineStr;
            description = "Name or address.";
          };
          port = mkOption {
            type = types.port;
            description = "Port of sshd.";
          };
        };
      });
      default = {};
      description = "Hosts by name.";
    };
    agent = mkOption {
      type = types.nullOr types.singleLineStr;
      default =
        if onePassword
        then "~/.1password/agent.sock"
        else null;
      defaultText = lib.literalMD "1Password's, where it is installed";
      description = "Socket of the agent that holds people's keys, or null for the session's own. 1Password's must be turned on in its settings (Developer, \"Use the SSH agent\").";
    };
  };

  config = lib.mkIf cfg.enable {
    programs.ssh.extraConfig = import ../../lib/ssh-client.nix {inherit (cfg) agent hosts;};
  };
}
