/**
 * A full disk: mounts a copy of /nix with little free space over /nix. `free` unmounts it, which brings the
 * original content back. A boot also ends it.
 */
const COPY = "/run/pantheros-small";

/** These units keep /nix busy; the daemon's socket is below it. */
const DAEMON = "nix-daemon.socket nix-daemon.service";

/** Shell script, run as root in the machine, that leaves `kilobytes` free. */
export function fillScript(kilobytes: number): string {
  return `set -eu
if mountpoint -q /nix; then echo "/nix is full already" >&2; exit 1; fi
systemctl stop ${DAEMON}
mkdir -p ${COPY}
mount -t tmpfs -o mode=755 small ${COPY}
cp -a /nix/. ${COPY}/
used=$(df --output=used -k ${COPY} | tail -n 1)
mount -o "remount,size=$((used + ${kilobytes}))k" ${COPY}
mount --bind ${COPY} /nix
systemctl start nix-daemon.socket
`;
}

export const FREE_SCRIPT = `set -eu
mountpoint -q /nix || exit 0
systemctl stop ${DAEMON}
umount --lazy /nix
umount --lazy ${COPY}
systemctl start nix-daemon.socket
`;
