# shellcheck shell=sh
# shellcheck disable=SC2154  # set by tools/pulumi-arguments.sh
# The sandbox's surroundings for one run of the Pulumi CLI; sourced by tools/pulumi. Nothing secret gets into argv.

# Runs `pulumi ARGS` against the sandbox and does not return.
pantheros_sandbox_run() {
  if [ ! -r "$PANTHEROS_SANDBOX_DIR/secrets.env" ]; then
    echo "tools/pulumi: there is no sandbox in $PANTHEROS_SANDBOX_DIR: make sandbox (as root) builds one;" >&2
    echo "  for another stack give --stack NAME" >&2
    exit 1
  fi
  pantheros_sandbox_environment
  pantheros_clear_dead_locks "$PANTHEROS_SANDBOX_DIR/pulumi" sandbox
  case $pantheros_command:$pantheros_subcommand in
    stack:init | stack:new | stack:ls | stack:rm) ;;
    *) pantheros_sandbox_stack ;;
  esac
  case $pantheros_command in
    # These take a configuration file, and would write the sandbox's salt into the repository's.
    up | update | preview | pre | refresh | destroy | down | import | watch | logs | rollback)
      [ -n "$pantheros_config_file" ] || set -- "$@" --config-file "$(pantheros_sandbox_configuration)"
      ;;
  esac
  case $pantheros_command in
    up | update | preview | pre | refresh | destroy | down | import | watch | recover | rollback) ;;
    *) exec pulumi "$@" ;;
  esac
  pantheros_namespace=pantheros-$PANTHEROS_SANDBOX_NAME
  if [ ! -e "/run/netns/$pantheros_namespace" ]; then
    echo "tools/pulumi: the sandbox is not running (no network namespace $pantheros_namespace): make sandbox" >&2
    exit 1
  fi
  case $pantheros_command in
    up | update) pantheros_sandbox_recover || exit 1 ;;
    # An item that somebody deleted stops these. What only shows changes no state.
    refresh | destroy | down)
      case " $* " in
        *" --preview-only "*) ;;
        *) pantheros_sandbox_recover '|"type": *"onepassword:' || exit 1 ;;
      esac
      ;;
    rollback)
      pantheros_sandbox_recover || exit 1
      shift
      exec ip netns exec "$pantheros_namespace" node "$PANTHEROS_ROOT/tools/rollback/main.ts" "$@"
      ;;
    recover)
      exec ip netns exec "$pantheros_namespace" node "$PANTHEROS_ROOT/tools/recovery/main.ts" --search \
        --stack sandbox --config-file "$(pantheros_sandbox_configuration)"
      ;;
  esac
  exec ip netns exec "$pantheros_namespace" pulumi "$@"
}

pantheros_sandbox_environment() {
  umask 077
  mkdir -p "$PANTHEROS_SANDBOX_DIR/pulumi"
  set -a
  # shellcheck source=/dev/null
  . "$PANTHEROS_SANDBOX_DIR/secrets.env"
  set +a
  # Without the backend's side files: a kill leaves one empty, and then the state beside it can't be read ("EOF").
  export PULUMI_BACKEND_URL="file://$PANTHEROS_SANDBOX_DIR/pulumi?metadata=skip"
  find "$PANTHEROS_SANDBOX_DIR/pulumi" -name '*.attrs' -size 0 -delete
  export PULUMI_CONFIG_PASSPHRASE_FILE="$PANTHEROS_SANDBOX_DIR/passphrase"
  export PULUMI_STACK=sandbox
  export PANTHEROS_SSH_KEY="$PANTHEROS_SANDBOX_DIR/keys/deploy"
  export PANTHEROS_SIGNING_KEY="$PANTHEROS_SANDBOX_DIR/keys/signing-key"
  export PANTHEROS_KNOWN_HOSTS="$PANTHEROS_SANDBOX_DIR/known_hosts"
  export PANTHEROS_FLAKE_OVERRIDES="site=path:$PANTHEROS_SANDBOX_DIR/site${PANTHEROS_FLAKE_OVERRIDES:+ $PANTHEROS_FLAKE_OVERRIDES}"
  export OP_CLI_PATH="$PANTHEROS_ROOT/sandbox/vendors/onepassword/op"
  # The stand-ins for nixos-anywhere and op.
  export PATH="$PANTHEROS_ROOT/sandbox:$PANTHEROS_ROOT/sandbox/vendors/onepassword:$PATH"
  # What Nix remembers of binary caches holds for this sandbox's: another one's has the same address.
  export NIX_CACHE_HOME="$PANTHEROS_SANDBOX_DIR/nix-cache"
  # No way out of the sandbox: asking a binary cache would only cost time. Its builds use the machine's own shell.
  export NIX_CONFIG="experimental-features = nix-command flakes
sandbox = false
substituters =
${NIX_CONFIG:-}"
  # The passphrase is read from its file. The API key and OAuth exclude each other. The rest is the emulators' own.
  unset PULUMI_CONFIG_PASSPHRASE PULUMI_ACCESS_TOKEN TAILSCALE_OAUTH_CLIENT_ID TAILSCALE_OAUTH_CLIENT_SECRET
  unset PANTHEROS_PDNS_API_KEY AWS_SESSION_TOKEN AWS_PROFILE
  # The vendors are on addresses of the namespace, which no proxy knows.
  unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy
}

# Creates the stack on first use. The salt of its secrets belongs to this sandbox: it is made in a stub project, so that
# the repository's Pulumi.sandbox.yaml stays as it is.
pantheros_sandbox_stack() {
  [ ! -e "$PANTHEROS_SANDBOX_DIR/pulumi/.pulumi/stacks/pantheros/sandbox.json" ] || return 0
  pantheros_stub=$PANTHEROS_SANDBOX_DIR/project
  mkdir -p "$pantheros_stub"
  printf 'name: pantheros\nruntime: nodejs\n' >"$pantheros_stub/Pulumi.yaml"
  pulumi --cwd "$pantheros_stub" stack init sandbox --no-select >/dev/null
}

# Prints the name of the configuration file: the repository's with this sandbox's salt and pins.
pantheros_sandbox_configuration() {
  pantheros_file=$PANTHEROS_SANDBOX_DIR/Pulumi.sandbox.yaml
  {
    awk '/^encryptionsalt:/ { next } { print }
      /^config:/ { while ((getline line <pins) > 0) if (line ~ /^  pantheros:pins:/ || (inside && line ~ /^    /)) { inside = 1; print line } else inside = 0 }
    ' pins="$pantheros_file" "$PANTHEROS_ROOT/Pulumi.sandbox.yaml"
    grep '^encryptionsalt:' "$PANTHEROS_SANDBOX_DIR/project/Pulumi.sandbox.yaml" || :
  } >"$pantheros_file.part-$$"
  mv "$pantheros_file.part-$$" "$pantheros_file"
  echo "$pantheros_file"
}

# Finds again what a killed run left at the vendors, and reads what an earlier recovery could not (NOT_READ in
# tools/recovery/deployment.ts). $1: `|` and another pattern in the state that is a reason to look.
pantheros_sandbox_recover() {
  grep -Eq "\"type\": *\"(creating|updating|deleting)\"|adopted by recovery, not read yet${1:-}" \
    "$PANTHEROS_SANDBOX_DIR/pulumi/.pulumi/stacks/pantheros/sandbox.json" || return 0
  ip netns exec "$pantheros_namespace" node "$PANTHEROS_ROOT/tools/recovery/main.ts" \
    --stack sandbox --config-file "$(pantheros_sandbox_configuration)" && return 0
  echo "tools/pulumi: to give up on those objects instead: tools/pulumi refresh --clear-pending-creates" >&2
  return 1
}
