# Options of every service in the registry; `[services.*]` of the inventory sets them.
{lib}: {
  description,
  port,
}: {
  enable = lib.mkEnableOption description;
  port = lib.mkOption {
    type = lib.types.port;
    default = port;
    description = "Port it listens on.";
  };
  listen = lib.mkOption {
    type = lib.types.str;
    default = "127.0.0.1";
    description = "Address it listens on. The registry widens it when other hosts reach the service; the firewall allows only the tailnet.";
  };
}
