# shellcheck shell=sh
# shellcheck disable=SC2034  # read by tools/pulumi, tools/pantheros and what they source
# Parses a command line of the Pulumi CLI or of tools/pantheros. Sets pantheros_command, pantheros_subcommand, pantheros_stack (default:
# PULUMI_STACK, then sandbox), and pantheros_config_file and pantheros_parallel ("given" or empty).

pantheros_read_arguments() {
  pantheros_command='' pantheros_subcommand='' pantheros_name='' pantheros_stack='' pantheros_config_file=''
  pantheros_expect='' pantheros_parallel=''
  for pantheros_argument; do
    case $pantheros_expect in
      stack) pantheros_stack=$pantheros_argument pantheros_expect='' && continue ;;
      value) pantheros_expect='' && continue ;;
    esac
    case $pantheros_argument in
      --) break ;;
      --help | -h)
        pantheros_command=help
        break
        ;;
      --stack | -s) pantheros_expect=stack ;;
      --stack=*) pantheros_stack=${pantheros_argument#*=} ;;
      --config-file) pantheros_config_file=given pantheros_expect=value ;;
      --config-file=*) pantheros_config_file=given ;;
      --parallel | -p) pantheros_parallel=given pantheros_expect=value ;;
      --parallel=* | -p?*) pantheros_parallel=given ;;
      # Options before the command that take a value.
      --cwd | -C | --color | --verbose | -v | --profiling | --tracing | --memprofilerate) pantheros_expect=value ;;
      -*) ;;
      *)
        if [ -z "$pantheros_command" ]; then
          pantheros_command=$pantheros_argument
        elif [ -z "$pantheros_subcommand" ]; then
          pantheros_subcommand=$pantheros_argument
        elif [ -z "$pantheros_name" ]; then
          pantheros_name=$pantheros_argument
        fi
        ;;
    esac
  done
  case $pantheros_command:$pantheros_subcommand in
    stack:select | stack:init | stack:new | stack:rm) : "${pantheros_stack:=$pantheros_name}" ;;
    cancel:*) : "${pantheros_stack:=$pantheros_subcommand}" ;;
  esac
  : "${pantheros_stack:=${PULUMI_STACK:-sandbox}}"
}

# Removes the locks of stack $2 in file backend $1 whose process, of this computer, is gone.
pantheros_clear_dead_locks() {
  for pantheros_lock in "$1"/.pulumi/locks/organization/*/"$2"/*.json; do
    [ -e "$pantheros_lock" ] || continue
    node "$PANTHEROS_ROOT/tools/toolchain/locks.ts" "$(dirname "$pantheros_lock")"
    return
  done
}

# Removes dead locks of the command line's stack, when its backend is in files.
pantheros_clear_backend_locks() {
  case ${PULUMI_BACKEND_URL:-} in
    file://*)
      pantheros_backend=${PULUMI_BACKEND_URL#file://}
      pantheros_clear_dead_locks "${pantheros_backend%%\?*}" "${pantheros_stack##*/}"
      ;;
  esac
}
