/**
 * A disk that is full: /nix of the machine becomes a file system of its own with little room left, and with the same
 * content. `free` takes it away again: the machine has its own /nix of before. Neither outlives a boot.
 */
const SMALL = "/run/pantheros-small";

/** What of the Nix daemon holds on to /nix; its socket lies there. */
const DAEMON = "nix-daemon.socket nix-daemon.service";

/** Shell script, run as root inside of the machine; `free` = kilobytes left. */
export function fillScript(kilobytes: number): string {
  return `set -eu
if mountpoint -q /nix; then echo "/nix is full already" >&2; exit 1; fi
systemctl stop ${DAEMON}
mkdir -p ${SMALL}
mount -t tmpfs -o mode=755 small ${SMALL}
cp -a /nix/. ${SMALL}/
used=$(df --output=used -k ${SMALL} | tail -n 1)
mount -o "remount,size=$((used + ${kilobytes}))k" ${SMALL}
mount --bind ${SMALL} /nix
systemctl start nix-daemon.socket
`;
}

export const FREE_SCRIPT = `set -eu
mountpoint -q /nix || exit 0
systemctl stop ${DAEMON}
umount --lazy /nix
umount --lazy ${SMALL}
systemctl start nix-daemon.socket
`;
