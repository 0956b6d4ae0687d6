#!/bin/sh
# The sandbox's boot loader for the supervisor (pantheros.deployment.bootLoader).
# /boot/pantheros-default links to the system that boots, /boot/pantheros-once to one that is
# started once; the base image and stage 2 read them.
# PANTHEROS_ROOT, for tests: prefix of every path outside the store.
set -u
boot="${PANTHEROS_ROOT:-}/boot"

case "$*" in
  # A rollback depends on the answer, so a readlink that fails is tried a second time.
  default) readlink "$boot/pantheros-default" 2>/dev/null || { [ -L "$boot/pantheros-default" ] && readlink "$boot/pantheros-default"; } ;;
  "once "?*) [ -L "$boot/pantheros-default" ] && ln -sfn "$2" "$boot/pantheros-once" && sync ;;
  cancel) rm -f "$boot/pantheros-once" ;;
  *) echo "usage: pantheros-boot-loader default|once SYSTEM|cancel" >&2; exit 2 ;;
esac
