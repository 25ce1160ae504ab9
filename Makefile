# `make serve` and `make test` do everything on a fresh Debian 12 machine as root; both can be run again.
VENV   := .venv
BIN    := $(VENV)/bin
LIBEXEC := $(VENV)/libexec/cellblock
READY  := $(VENV)/.ready
LANGUAGES ?= all

.DEFAULT_GOAL := help
.PHONY: help setup base host native toolchains serve test test-all test-vm test-browser test-aarch64 sanitize escapes score soak check lint types floor-plan format bench docs hosts-table vm-score lock clean

help:             ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /  make \1\t/p' Makefile | expand -t 18

setup: base toolchains        ## what running and testing need: all of it, languages included

base: host $(READY) native    ## the same without languages: packages, user, environment, cell helper

host:
	@scripts/prepare-host

$(READY): requirements.lock requirements-dev.lock pyproject.toml scripts/make-venv | host
	@scripts/make-venv $(VENV)
	@touch $@

native: $(READY)  ## build the cell helper and what goes with it, and install them where the sandbox looks for them
	@$(MAKE) --no-print-directory -s -C native
	@for file in cellblock-cell cellblock-warm.so; do \
	    cmp -s native/build/$$file $(LIBEXEC)/$$file || install -D -m 0755 native/build/$$file $(LIBEXEC)/$$file; \
	done

toolchains: base  ## the languages; LANGUAGES=python,c gets some only
	@$(BIN)/cellblock languages install --yes -- '$(LANGUAGES)'

# It answers at once with what is there; missing languages come in the background.
serve: base       ## the service on 127.0.0.1:4096; LANGUAGES=python,c, SERVE='--port 5000'
	@exec $(BIN)/cellblock serve --install-languages '$(LANGUAGES)' $(SERVE)

test: setup       ## the tests; TESTS='tests/unit -k name' selects some
	@$(BIN)/pytest -m 'not slow and not vm and not cross and not browser' $(TESTS)

test-all: setup   ## the slow tests too, then with sanitizers, for aarch64, with a browser and in a virtual machine
	@$(BIN)/pytest -m 'not vm and not cross and not browser' $(TESTS)
	@$(MAKE) --no-print-directory sanitize
	@$(MAKE) --no-print-directory test-aarch64
	@$(MAKE) --no-print-directory test-browser
	@tests/vm/run

test-vm: setup    ## the tests on a kernel with cgroup v2, in a virtual machine; VM='--part e2e' selects, VM=--smoke is short
	@tests/vm/run $(VM)

test-browser: base ## pages of other origins and the reference, in a real browser
	@scripts/prepare-browser
	@$(BIN)/pytest -m browser tests/browser

test-aarch64: base ## the cell helper and the attacks in C built for aarch64; the helper's parts run by an emulator
	@scripts/prepare-cross
	@$(BIN)/pytest -m cross tests/cross

sanitize: base    ## the sandbox tests with the helper under ASan and UBSan, what has runtimes wait under UBSan; SANITIZE='tests/sandbox -k name' selects
	@$(MAKE) --no-print-directory -s -C native sanitized
	@CELLBLOCK_TEST_HELPER=$(CURDIR)/native/build/cellblock-cell-sanitized \
	    CELLBLOCK_TEST_PRELOAD=$(CURDIR)/native/build/cellblock-warm-sanitized.so \
	    $(BIN)/pytest -m 'not slow and not vm and not cross' $(or $(SANITIZE),tests/sandbox)

escapes: setup    ## every attack against a service of its own, and the score; ESCAPES='tests -k name' selects
	@rm -f build/score.md # one of before is no score of this run
	@$(BIN)/pytest -s -m slow $(or $(ESCAPES),tests/escapes)

score: escapes    ## the same, and the score into SECURITY.md
	@scripts/insert-section SECURITY.md score <build/score.md

soak: setup       ## attacks and correct programs at once for SOAK_S=600 seconds, in the order of SOAK_SEED; nothing may grow
	@env SOAK_S=$(or $(SOAK_S),600) SOAK_SEED=$(or $(SOAK_SEED),0) $(BIN)/pytest -s -m slow tests/soak

check: lint types floor-plan  ## lint, format, types, floor plan

lint: base
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

types: base
	@$(BIN)/mypy

floor-plan: base
	@$(BIN)/lint-imports --no-cache --config pyproject.toml

format: base      ## let ruff put the code in order
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

bench: setup      ## measure, about 25 minutes; BENCH='--only languages' and other flags
	@scripts/prepare-bench
	@$(BIN)/python bench/run.py $(BENCH)

docs: base        ## write the pages that come from code
	@$(BIN)/cellblock settings --markdown > docs/settings.md
	@$(BIN)/cellblock languages list --markdown | scripts/insert-section README.md languages

lock: base        ## pin the newest dependencies that pyproject.toml and requirements-dev.in allow
	@scripts/lock-requirements $(BIN)/pip-compile

hosts-table: base ## write the table of docs/hosts.md from what tests read back on each kind of host; needs a host with cgroup v1
	@scripts/hosts-table --check
	@tests/vm/run -- tests/hosts -q -k 'every_control_holds or accepted_by_name'
	@env PYTHONPATH=tests HOSTS_REPORT=build/vm/this.json $(BIN)/python tests/hosts/report.py only=ends keep=root >/dev/null
	@scripts/hosts-table build/vm/this.json build/vm/hosts.json

# All attacks, for three hours or four, from where it was ended before; of those on a service that keeps cells ready
# the quick ones.
vm-score: setup   ## write into SECURITY.md how attacks end on cgroup v2: on root's services and on an ordinary user's
	@rm -f build/vm/score-*.md # one of before is no score of this run
	@tests/vm/run --part every-attack-on-root --part every-attack-on-user --part attacks-kept-ready
	@for kind in v2-root v2-rootless v2-root-warm; do scripts/insert-section SECURITY.md score-$$kind <build/vm/score-$$kind.md; done

clean:            ## remove what was built, but not the environment
	@rm -rf build dist .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@$(MAKE) --no-print-directory -s -C native clean
	@find src tests bench -name __pycache__ -type d -prune -exec rm -rf {} +
