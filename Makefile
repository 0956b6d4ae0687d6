# Every target may be run again; tools/setup --help says what is installed, and where.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup sandbox sandbox-down check docs test failures bench

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r target text; do \
	  printf '  make %-13s %s\n' "$$target" "$$text"; done

setup: ## Install what is missing for tests and previews; as root on Debian or Ubuntu for the sandbox too
	@tools/setup auto

sandbox: ## Bring up a whole fleet on this machine: emulated vendors, real hosts, pulumi up (root)
	@tools/setup sandbox
	@tools/sandbox up

sandbox-down: ## Destroy the sandbox's stack and remove every trace of it (root)
	@tools/setup sandbox
	@tools/sandbox down

check: ## Types, linter, formatter, shell scripts
	@tools/setup unit
	@tools/check

docs: ## Write again what is made from the schemas: docs/inventory.md, outputs/schema.v1.json
	@tools/setup unit
	@tools/with node inventory/write-reference.ts
	@tools/with node outputs/write-schema.ts

test: ## All tests; without root the sandbox tests are left out
	@tools/setup auto
	@tools/with node tools/testing/main.ts

failures: ## Rehearse what can go wrong in a deploy, on real hosts (root; not part of make test yet)
	@tools/setup sandbox
	@tools/with node tools/testing/main.ts failures

bench: ## Measure what the design promises; prints tables of ratios
	@tools/setup auto
	@tools/with node bench/startup.ts
