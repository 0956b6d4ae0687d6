# shellcheck shell=sh
# Versions that tools/setup installs. PULUMI is also the version of the npm package and of tools/cli/go.mod (a test
# compares them). NIX is the Debian suite from which Nix is extracted, and that Nix's version. SERVICES is the Debian
# suite of the programs that check generated files in tests; its Caddy and Prometheus are close to those of nixpkgs.
PANTHEROS_NODE_VERSION=24.21.0
PANTHEROS_NODE_MINIMUM=22.18.0
PANTHEROS_PULUMI_VERSION=3.258.0
PANTHEROS_NIX_VERSION=2.26
PANTHEROS_NIX_SUITE=trixie
PANTHEROS_SERVICES_SUITE=forky
export PANTHEROS_NODE_VERSION PANTHEROS_NODE_MINIMUM PANTHEROS_PULUMI_VERSION PANTHEROS_NIX_VERSION PANTHEROS_NIX_SUITE
export PANTHEROS_SERVICES_SUITE
