# Single sign-on: LLDAP holds people and groups, Authelia lets them in at the gateways, Dex speaks OpenID Connect for
# services that do their own. Who may enter what is written at the services, in the inventory.
{
  imports = [
    ./lldap.nix
    ./authelia.nix
    ./dex.nix
  ];
}
