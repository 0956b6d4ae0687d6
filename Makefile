# Every target may be run again; tools/setup --help says what is installed, and where.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: nix-eval help setup sandbox sandbox-down check docs test failures faults bench

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

check: ## Types, linter, formatter, shell scripts, form of Nix
	@tools/setup unit
	@tools/check

docs: ## Write again what is generated: docs/inventory.md, docs/nix-options.md, nix/lib/defaults.json, outputs/schema.v1.json, the picture of the README
	@tools/setup unit
	@tools/with node inventory/write-reference.ts
	@tools/with node outputs/write-schema.ts
	@tools/with node tools/nix/write-reference.ts
	@tools/with node tools/docs/recording.ts draw docs/recordings/sandbox.cast docs/recordings/sandbox.svg

nix-eval: ## Evaluate every host to its system, with time and memory: make nix-eval NIXPKGS=path [INPUTS=path] [HOSTS=names]
	@tools/setup unit
	@NIXPKGS="$(NIXPKGS)" INPUTS="$(INPUTS)" HOSTS="$(HOSTS)" tools/with node tools/nix/evaluate.ts

test: ## All tests; without root the sandbox tests are left out
	@tools/setup auto
	@tools/with node tools/testing/main.ts

failures: ## Of the tests only the table of what can go wrong in a deploy, on real hosts (root)
	@tools/setup sandbox
	@tools/with node tools/testing/main.ts failures

faults: ## The tables of faults whole: every command of the supervisor, every request of an operation, 200 kills, 60 hosts five times (root; hours)
	@tools/setup sandbox
	@PANTHEROS_FAULTS=all tools/with node tools/testing/main.ts unit tests/faults
	@PANTHEROS_FAULTS=all tools/with node tools/testing/main.ts unit tests/unit/supervisor/faults.test.ts
	@PANTHEROS_KILLS=200 PANTHEROS_TRUTH_RUNS=5 tools/with node tools/testing/main.ts failures tests/failures/way-back.test.ts tests/failures/hostile.test.ts tests/failures/sixty.test.ts

bench: ## Measure what the design promises, as ratios of one run (root; parts: bench/main.ts --help)
	@tools/setup sandbox
	@tools/with node bench/startup.ts
	@tools/with node bench/main.ts
