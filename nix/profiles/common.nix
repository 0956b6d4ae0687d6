# The common settings of all hosts.
{
  config,
  host,
  lib,
  ...
}: {
  home-manager = {
    useGlobalPkgs = lib.mkDefault true;
    useUserPackages = lib.mkDefault true;
  };

  # docs/ has the manual of all options; building it for each host would take time.
  documentation.nixos.enable = lib.mkDefault false;

  assertions = [
    {
      assertion = config.services.openssh.enable || host.provider.kind == "image";
      message = "a host without SSH cannot be deployed to: enable services.openssh, or set provider.kind = \"image\" in fleet.toml";
    }
  ];
}
