# shellcheck shell=sh disable=SC2034
# `make docs` writes this file from inventory/schema.ts, and a test compares them.
default_settings() {
  switch_seconds=300
  health_seconds=60
  health_period=2
  confirm_seconds=30
  reboot_seconds=300
  reboot=never
  check_seconds=5
}
