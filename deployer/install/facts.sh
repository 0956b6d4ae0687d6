#!/bin/sh
# Prints facts of a machine that is not installed yet, as one line of JSON. Piped to root's `sh` over ssh; changes nothing.
set -u

ID='' VARIANT_ID=''
# shellcheck source=/dev/null
. /etc/os-release
words() { tr -c 'A-Za-z0-9/._\n -' '?' | tr '\n' ' ' | sed 's/ *$//'; }

# Files of people and services, and additional disks: a new machine has none. Hidden files belong to the image's accounts. The
# installer runs in memory, and its disk is the one that is being written.
data=''
if [ "$VARIANT_ID" != installer ]; then
  data=$({
    find /home /srv /opt /mnt /media /data /var/www /var/lib/postgresql /var/lib/mysql /var/lib/docker /var/lib/libvirt \
      -xdev -type f ! -path '*/.*' 2>/dev/null | head -n 3
    awk '$1 ~ "^/dev/" && $2 ~ "^/(home|srv|opt|mnt|media|data|var)(/|$)" { print $2 }' /proc/mounts | head -n 3
  } | words)
fi

printf '{"id":"%s","variant":"%s","bootId":"%s","machineId":"%s","data":"%s","done":"%s"}\n' "$ID" "$VARIANT_ID" \
  "$(cat /proc/sys/kernel/random/boot_id)" "$(words </etc/machine-id)" "$data" \
  "$([ ! -r /run/pantheros-install ] || words </run/pantheros-install)"
