# Every target can be repeated; tools/setup --help lists what is installed, and where.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: screenshots nix-eval nix-update check-services help setup sandbox sandbox-down check docs test failures faults bench

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r target text; do \
	  printf '  make %-14s %s\n' "$$target" "$$text"; done

setup: ## Install what tests and previews need; as root on Debian or Ubuntu also what the sandbox needs
	@tools/setup auto

sandbox: ## Start a whole fleet on this computer: emulated vendors, real hosts, pulumi up (root)
	@tools/setup sandbox
	@tools/pantheros sandbox up

sandbox-down: ## Destroy the sandbox's stack and remove the sandbox (root)
	@tools/setup sandbox
	@tools/pantheros sandbox down

check: ## Check types, lint, format, imports between rooms, unused exports, shell scripts and the layout of Nix files
	@tools/setup unit
	@tools/check

docs: ## Generate the reference docs, the manual page, nix/lib/defaults.json, outputs/schema.v1.json, centre/openapi.json and the README's picture
	@tools/setup unit
	@tools/with node inventory/write-reference.ts
	@tools/with node policy/write-reference.ts
	@tools/with node outputs/write-schema.ts
	@tools/with node cli/write-manual.ts
	@tools/with node centre/write-openapi.ts
	@tools/with node sandbox/runbooks/write-page.ts
	@tools/with node tools/nix/write-reference.ts
	@tools/with node tools/docs/recording.ts draw docs/recordings/sandbox.cast docs/recordings/sandbox.svg

screenshots: ## Draw the pictures of the control centre's pages in docs/screenshots (Chromium or Chrome)
	@tools/setup unit
	@tools/with node tools/docs/screenshots.ts

nix-eval: ## Evaluate every host, compare it with the inventory, print time and memory: make nix-eval [NIXPKGS=path] [INPUTS=path] [HOSTS=names]
	@tools/setup unit
	@NIXPKGS="$(NIXPKGS)" INPUTS="$(INPUTS)" HOSTS="$(HOSTS)" tools/with node tools/nix/evaluate.ts

nix-update: ## Update inputs of nix/ and keep them only if every host still evaluates: make nix-update [INPUT=names] [COMMIT=1]
	@tools/setup unit
	@tools/with node tools/nix/update.ts $(INPUT) $(if $(COMMIT),--commit)

check-services: ## Build Blocky, Dex, Loki and rustic and give them the hosts' files; parse LogQL; start a disk with GRUB in QEMU (minutes; root)
	@tools/setup services
	@tools/with node tools/testing/main.ts services

test: ## Run all tests; without root the sandbox tests are skipped
	@tools/setup auto
	@tools/with node tools/testing/main.ts

failures: ## Run only the tests of failing deploys, on real hosts (root)
	@tools/setup sandbox
	@tools/with node tools/testing/main.ts failures

faults: ## Run all fault tests: every supervisor command, every request, 200 kills, 60 hosts five times (root; hours)
	@tools/setup sandbox
	@PANTHEROS_FAULTS=all tools/with node tools/testing/main.ts unit tests/faults
	@PANTHEROS_FAULTS=all tools/with node tools/testing/main.ts unit tests/unit/supervisor/faults.test.ts
	@PANTHEROS_KILLS=200 PANTHEROS_TRUTH_RUNS=5 tools/with node tools/testing/main.ts failures tests/failures/rollbacks.test.ts tests/failures/hostile.test.ts tests/failures/sixty.test.ts

bench: ## Measure speed and memory against peers and limits (root; for parts see bench/main.ts --help)
	@tools/setup sandbox
	@tools/with node bench/commands.ts
	@tools/with node bench/centre.ts
	@tools/with node bench/startup.ts
	@tools/with node bench/main.ts
