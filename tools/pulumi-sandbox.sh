# shellcheck shell=sh
# shellcheck disable=SC2154  # set by tools/pulumi-arguments.sh and the wrappers
# Runs the Pulumi CLI or a command of tools/pantheros on the sandbox; sourced by tools/pulumi and tools/pantheros, which set
# pantheros_program. Secrets are passed in the environment, never in argv.

# Exports the sandbox's variables and removes dead locks; exits when there is no sandbox.
pantheros_sandbox_open() {
  if [ ! -r "$PANTHEROS_SANDBOX_DIR/secrets.env" ]; then
    echo "$pantheros_program: there is no sandbox in $PANTHEROS_SANDBOX_DIR: run make sandbox as root," >&2
    echo "  or choose a different stack with --stack NAME" >&2
    exit 1
  fi
  pantheros_sandbox_environment
  pantheros_clear_dead_locks "$PANTHEROS_SANDBOX_DIR/pulumi" sandbox
}

# Sets pantheros_namespace; exits when the sandbox is not running.
pantheros_sandbox_network() {
  pantheros_namespace=pantheros-$PANTHEROS_SANDBOX_NAME
  if [ ! -e "/run/netns/$pantheros_namespace" ]; then
    echo "$pantheros_program: the sandbox is not running (no network namespace $pantheros_namespace): run make sandbox" >&2
    exit 1
  fi
}

# Runs `pulumi ARGS` on the sandbox's stack and does not return.
pantheros_sandbox_run() {
  pantheros_sandbox_open
  case $pantheros_command:$pantheros_subcommand in
    stack:init | stack:new | stack:ls | stack:rm) ;;
    *) pantheros_sandbox_stack ;;
  esac
  case $pantheros_command in
    # Without a configuration file these commands would write the sandbox's salt into the repository's.
    up | update | preview | pre | refresh | destroy | down | import | watch | logs)
      [ -n "$pantheros_config_file" ] || set -- "$@" --config-file "$(pantheros_sandbox_configuration)"
      ;;
  esac
  case $pantheros_command in
    up | update | preview | pre | refresh | destroy | down | import | watch) ;;
    *) exec pulumi "$@" ;;
  esac
  pantheros_sandbox_network
  case $pantheros_command in
    up | update) pantheros_sandbox_recover || exit 1 ;;
    # A 1Password item that was deleted by hand makes these fail. --preview-only changes no state.
    refresh | destroy | down)
      case " $* " in
        *" --preview-only "*) ;;
        *) pantheros_sandbox_recover '|"type": *"onepassword:' || exit 1 ;;
      esac
      ;;
  esac
  pantheros_record "$@"
  exec ip netns exec "$pantheros_namespace" pulumi "$@" ${pantheros_event_log:+"$pantheros_event_log"}
}

# Runs `tools/pantheros ARGS` on the sandbox's stack and does not return.
pantheros_sandbox_command() {
  case $pantheros_command in
    # They only read files, also those of a sandbox that is not running.
    audit | runs)
      export PANTHEROS_STATE_DIR="$PANTHEROS_SANDBOX_DIR/state"
      exec node "$PANTHEROS_ROOT/cli/main.ts" "$@"
      ;;
  esac
  pantheros_sandbox_open
  pantheros_sandbox_network
  case $pantheros_command in
    rollback | recover) pantheros_sandbox_stack ;;
  esac
  case $pantheros_command in
    rollback) pantheros_sandbox_recover || exit 1 ;;
  esac
  if [ -z "$pantheros_config_file" ]; then
    # After the command's name, because the words after those of `exec` belong to the hosts.
    shift
    set -- "$pantheros_command" --config-file "$(pantheros_sandbox_configuration)" "$@"
  fi
  if [ "$pantheros_command" = centre ]; then
    # A browser reaches this computer's loopback address, not that of the namespace. Only ssh goes into it.
    export PANTHEROS_NAMESPACE="$pantheros_namespace" PANTHEROS_OUTER_PATH="$PATH"
    PATH="$PANTHEROS_ROOT/sandbox/netns:$PATH" exec node "$PANTHEROS_ROOT/cli/main.ts" "$@"
  fi
  exec ip netns exec "$pantheros_namespace" node "$PANTHEROS_ROOT/cli/main.ts" "$@"
}

# Prints $1, a path, as it is written in a flake reference, which has no blanks.
pantheros_encoded_path() {
  printf %s "$1" | sed 's/%/%25/g; s/ /%20/g; s/(/%28/g; s/)/%29/g; s/?/%3F/g; s/#/%23/g; s/\[/%5B/g; s/]/%5D/g'
}

# Exports the variables of the sandbox: tokens, backend, keys, flake and PATH.
pantheros_sandbox_environment() {
  umask 077
  mkdir -p "$PANTHEROS_SANDBOX_DIR/pulumi"
  set -a
  # shellcheck source=/dev/null
  . "$PANTHEROS_SANDBOX_DIR/secrets.env"
  set +a
  # metadata=skip: no .attrs files. After a kill one may be empty, and then the state cannot be read ("EOF").
  export PULUMI_BACKEND_URL="file://$PANTHEROS_SANDBOX_DIR/pulumi?metadata=skip"
  find "$PANTHEROS_SANDBOX_DIR/pulumi" -name '*.attrs' -size 0 -delete
  export PULUMI_CONFIG_PASSPHRASE_FILE="$PANTHEROS_SANDBOX_DIR/passphrase"
  export PULUMI_STACK=sandbox
  # All sandboxes have a stack of the same name.
  export PANTHEROS_STATE_DIR="$PANTHEROS_SANDBOX_DIR/state"
  export PANTHEROS_SSH_KEY="$PANTHEROS_SANDBOX_DIR/keys/deploy"
  # The machines have no account of a person.
  export PANTHEROS_LOGIN_USER=deploy PANTHEROS_LOGIN_KEY="$PANTHEROS_SANDBOX_DIR/keys/deploy"
  export PANTHEROS_OPERATOR_KEYS="$PANTHEROS_SANDBOX_DIR/keys/operators"
  export PANTHEROS_SIGNING_KEY="$PANTHEROS_SANDBOX_DIR/keys/signing-key"
  export PANTHEROS_KNOWN_HOSTS="$PANTHEROS_SANDBOX_DIR/known_hosts"
  PANTHEROS_FLAKE_OVERRIDES="site=path:$(pantheros_encoded_path "$PANTHEROS_SANDBOX_DIR/site")${PANTHEROS_FLAKE_OVERRIDES:+ $PANTHEROS_FLAKE_OVERRIDES}"
  export PANTHEROS_FLAKE_OVERRIDES
  export OP_CLI_PATH="$PANTHEROS_ROOT/sandbox/vendors/onepassword/op"
  # The emulated nixos-anywhere and op.
  export PATH="$PANTHEROS_ROOT/sandbox:$PANTHEROS_ROOT/sandbox/vendors/onepassword:$PATH"
  # Nix caches what a binary cache holds by its address, which all sandboxes share.
  export NIX_CACHE_HOME="$PANTHEROS_SANDBOX_DIR/nix-cache"
  # No binary cache: the sandbox has no Internet access. Its builds use this computer's shell.
  export NIX_CONFIG="experimental-features = nix-command flakes
sandbox = false
substituters =
${NIX_CONFIG:-}"
  # Removes variables of real stacks. The passphrase is read from its file. The Tailscale provider
  # refuses an API key together with OAuth. The emulators need none of the others.
  unset PULUMI_CONFIG_PASSPHRASE PULUMI_ACCESS_TOKEN TAILSCALE_OAUTH_CLIENT_ID TAILSCALE_OAUTH_CLIENT_SECRET
  unset PANTHEROS_PDNS_API_KEY AWS_SESSION_TOKEN AWS_PROFILE
  # No proxy can reach the emulated vendors, which are inside the namespace.
  unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy
}

# Creates the stack on first use, in a stub project: the salt of this sandbox's secrets must not be written into the
# repository's Pulumi.sandbox.yaml.
pantheros_sandbox_stack() {
  [ ! -e "$PANTHEROS_SANDBOX_DIR/pulumi/.pulumi/stacks/pantheros/sandbox.json" ] || return 0
  pantheros_stub=$PANTHEROS_SANDBOX_DIR/project
  mkdir -p "$pantheros_stub"
  printf 'name: pantheros\nruntime: nodejs\n' >"$pantheros_stub/Pulumi.yaml"
  pulumi --cwd "$pantheros_stub" stack init sandbox --no-select >/dev/null
}

# Writes the configuration file, the repository's with this sandbox's salt and pins, and prints its path.
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

# Recovers what a killed run left at the vendors, and reads what an earlier recovery could not (NOT_READ in
# tools/recovery/deployment.ts), when the state shows the need. $1: `|` and one more pattern that shows it.
pantheros_sandbox_recover() {
  grep -Eq "\"type\": *\"(creating|updating|deleting)\"|adopted by recovery, not read yet${1:-}" \
    "$PANTHEROS_SANDBOX_DIR/pulumi/.pulumi/stacks/pantheros/sandbox.json" || return 0
  ip netns exec "$pantheros_namespace" node "$PANTHEROS_ROOT/tools/recovery/main.ts" \
    --stack sandbox --config-file "$(pantheros_sandbox_configuration)" && return 0
  echo "$pantheros_program: to abandon those objects instead, run tools/pulumi refresh --clear-pending-creates" >&2
  return 1
}
