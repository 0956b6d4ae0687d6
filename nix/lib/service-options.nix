# Options that every service of the registry has; `[services.*]` of the inventory fills them in.
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
    description = "Address it listens on. The registry widens it where another host reaches the service; the firewall lets in the tailnet alone.";
  };
}
