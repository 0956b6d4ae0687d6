# shellcheck shell=sh disable=SC2034
# Made from `inventory/schema.ts`; `make docs` writes it again, and a test compares.
default_settings() {
  switch_seconds=300
  health_seconds=60
  health_period=2
  confirm_seconds=30
  reboot_seconds=300
  reboot=never
  check_seconds=5
}
