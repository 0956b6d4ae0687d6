# shellcheck shell=sh
# Sets PATH and the variables of all wrappers. A wrapper sets PANTHEROS_ROOT (the repository) and sources this file.
# Programs in the cache come first on PATH: tools/setup installs them only when the computer lacks them.
# shellcheck source=tools/versions.sh
. "$PANTHEROS_ROOT/tools/versions.sh"

# With CDPATH, `cd` may enter another directory. A Git hook's variables would make git and Nix read another repository.
unset CDPATH GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_COMMON_DIR GIT_PREFIX

# systemd units and some containers have no HOME.
if [ -z "${HOME:-}" ]; then
  HOME=$(getent passwd "$(id -u)" 2>/dev/null | cut -d: -f6)
  if [ -z "$HOME" ]; then
    echo "${0##*/}: HOME is not set and user $(id -u) has no home directory: set HOME" >&2
    exit 2
  fi
  export HOME
fi

PANTHEROS_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/pantheros
PANTHEROS_SANDBOX_DIR=${PANTHEROS_SANDBOX_DIR:-$PANTHEROS_ROOT/.sandbox}
case $PANTHEROS_SANDBOX_DIR in
  /*) ;;
  *) PANTHEROS_SANDBOX_DIR=$PWD/$PANTHEROS_SANDBOX_DIR ;;
esac
PANTHEROS_SANDBOX_NAME=${PANTHEROS_SANDBOX_NAME:-sandbox}
export PANTHEROS_ROOT PANTHEROS_CACHE PANTHEROS_SANDBOX_DIR PANTHEROS_SANDBOX_NAME

# Puts directory $1, if it exists, first on PATH.
pantheros_path_first() {
  if [ -d "$1" ]; then
    case ":$PATH:" in
      *":$1:"*) ;;
      *) PATH=$1:$PATH ;;
    esac
  fi
}

pantheros_is_set_up() {
  command -v node >/dev/null && [ -d "$PANTHEROS_ROOT/node_modules/zod" ]
}

# Exits when $1, a wrapper, needs what tools/setup has not installed.
pantheros_require_setup() {
  if pantheros_is_set_up; then return; fi
  echo "$1: Node or its packages are not installed: run make setup" >&2
  exit 1
}

# Prints $1, a list of hosts without a proxy, with single commas only.
pantheros_host_list() {
  pantheros_hosts=$(printf %s "$1" | tr -s ' \t\n,' ',')
  pantheros_hosts=${pantheros_hosts#,}
  printf %s "${pantheros_hosts%,}"
}

# The engine and its plugins use gRPC on this computer. gRPC for Node sends it through a proxy unless no_proxy (lower
# case, without blanks) lists the address; it does not read `*`.
unset grpc_proxy no_grpc_proxy
if [ -n "${http_proxy:-}${https_proxy:-}${HTTP_PROXY:-}${HTTPS_PROXY:-}${all_proxy:-}${ALL_PROXY:-}" ]; then
  no_proxy=$(pantheros_host_list "${no_proxy:-${NO_PROXY:-}}")
  case ,$no_proxy, in
    *,\*,*) unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY ;;
    *,127.0.0.1,localhost,::1,) ;;
    *) no_proxy=${no_proxy:+$no_proxy,}127.0.0.1,localhost,::1 ;;
  esac
  NO_PROXY=$no_proxy
  export no_proxy NO_PROXY
fi

# On Debian and Ubuntu, root's PATH after su or in cron lacks /usr/sbin.
pantheros_path_first /usr/sbin
pantheros_path_first "$PANTHEROS_CACHE/nix-$PANTHEROS_NIX_VERSION/bin"
for pantheros_dir in "$PANTHEROS_CACHE/node-$PANTHEROS_NODE_VERSION"/node_modules/node-linux-*/bin; do
  pantheros_path_first "$pantheros_dir"
done

# With options that Node does not accept, every program would only print a stack trace of Node.
if [ -n "${NODE_OPTIONS:-}" ] && command -v node >/dev/null && ! node -e '' >/dev/null 2>&1; then
  echo "${0##*/}: Node does not start with NODE_OPTIONS=$NODE_OPTIONS: correct or unset NODE_OPTIONS" >&2
  exit 2
fi

# The source of Pulumi: the official download, or the registries (see tools/toolchain/pulumi-source.ts).
if [ -n "${PANTHEROS_PULUMI:-}" ]; then
  PANTHEROS_PULUMI_SOURCE=$PANTHEROS_PULUMI
elif [ -f "$PANTHEROS_CACHE/pulumi-source" ]; then
  read -r PANTHEROS_PULUMI_SOURCE <"$PANTHEROS_CACHE/pulumi-source" || :
else
  PANTHEROS_PULUMI_SOURCE=registry
fi
case $PANTHEROS_PULUMI_SOURCE in
  official)
    pantheros_path_first "$PANTHEROS_CACHE/pulumi-official-$PANTHEROS_PULUMI_VERSION/bin"
    # tools/setup has installed the plugins. A run that lacks one fails at once with the command that installs it,
    # instead of downloading it in the middle of the run.
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true
    export PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION
    ;;
  registry)
    pantheros_path_first "$PANTHEROS_CACHE/pulumi-$PANTHEROS_PULUMI_VERSION/bin"
    # A separate home: thin plugins must never be mistaken for official ones of the same version.
    PULUMI_HOME=$PANTHEROS_CACHE/pulumi-home
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true
    export PULUMI_HOME PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION
    ;;
  *)
    echo "PANTHEROS_PULUMI is \"$PANTHEROS_PULUMI_SOURCE\"; it must be official or registry" >&2
    exit 2
    ;;
esac
PULUMI_SKIP_UPDATE_CHECK=true
NODE_COMPILE_CACHE=${NODE_COMPILE_CACHE:-$PANTHEROS_CACHE/node-compile}
# S3 stores other than Amazon's refuse the checksum headers that Amazon's SDKs send by default.
AWS_REQUEST_CHECKSUM_CALCULATION=when_required
AWS_RESPONSE_CHECKSUM_VALIDATION=when_required
export PATH PANTHEROS_PULUMI_SOURCE PULUMI_SKIP_UPDATE_CHECK NODE_COMPILE_CACHE
export AWS_REQUEST_CHECKSUM_CALCULATION AWS_RESPONSE_CHECKSUM_VALIDATION
unset pantheros_dir
