# What every host has, whatever it is for.
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

  # The manual of all options is in docs/, and would be built for each host again.
  documentation.nixos.enable = lib.mkDefault false;

  assertions = [
    {
      assertion = config.services.openssh.enable || host.provider.kind == "image";
      message = "a host without SSH can't be deployed to; mark it provider.kind = \"image\" in fleet.toml";
    }
  ];
}
