/** POSIX sh, run as root on a machine: does what `tailscale up` would do with the host's auth key. */
export const joinScript = (api: string): string =>
  [
    "key=$(cat /var/lib/pantheros/secrets/tailscale-auth-key) || exit 1",
    'body=$(printf \'{"authKey":"%s","hostname":"%s"}\' "$key" "$(hostname)")',
    // On standard input: every user can read a command line.
    `answer=$(printf %s "$body" | curl -fsS --max-time 20 -H 'content-type: application/json' --data-binary @- ${api}/sandbox/join) || exit 1`,
    // Writes the node id, as nix/modules/network/tailscale.nix does on a real host.
    'mkdir -p /run/pantheros && printf "%s\\n" "$answer" | sed -n \'s/.*"nodeId":"\\([A-Za-z0-9]*\\)".*/\\1/p\' >/run/pantheros/tailnet-node',
    'printf "%s\\n" "$answer"',
  ].join("\n");
