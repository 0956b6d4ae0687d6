# Single sign-on: LLDAP stores people and groups, Authelia authenticates requests at the gateways, and
# Dex is the OpenID Connect issuer for services that sign people on themselves. The inventory says at
# each service which groups may use it.
{
  imports = [
    ./lldap.nix
    ./authelia.nix
    ./dex.nix
  ];
}
