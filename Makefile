# `make help` lists what there is. Everything lives in .venv, which every target makes first where it
# is missing or older than the locks.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
export PYTHON

BIN := .venv/bin
STAMP := .venv/.stowage-setup

# Random scenarios against the real kube-scheduler: where they start, how many, and of which families (all).
SEED ?= 1
COUNT ?= 300
FAMILIES ?=
# The same for the recorded answers in tests/data/conformance.
RECORD_SEED ?= 20261121
RECORD_COUNT ?= 2400

# scripts/setup.sh makes a .venv anew that came along with a moved or copied folder.
ifneq ($(shell cat $(STAMP) 2>/dev/null),$(CURDIR))
.PHONY: $(STAMP)
endif

$(STAMP): requirements/dev.txt pyproject.toml scripts/setup.sh
	@scripts/setup.sh

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile

.PHONY: setup
setup: $(STAMP) ## make .venv, with everything locked in it
	@echo "setup: .venv is up to date"

.PHONY: run
run: $(STAMP) ## a simulated cluster, the scheduler, and a page that shows them: http://localhost:8080
	@exec $(BIN)/stowage run

# ---------------------------------------------------------------------------------------- checks
.PHONY: test
test: check bench-smoke tests ## every check and every test

.PHONY: test-fast
test-fast: check $(STAMP) ## the checks and the quick tests, in under two minutes
	$(BIN)/pytest -m "not slow" -n 2

.PHONY: check
check: lint types check-imports ## lint, types and import contracts

.PHONY: lint
lint: $(STAMP) ## ruff, rules and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

.PHONY: format
format: $(STAMP) ## let ruff mend what it can
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

.PHONY: types
types: $(STAMP) ## mypy, strict, on the package and its tests
	$(BIN)/mypy

.PHONY: check-imports
check-imports: $(STAMP) ## the rooms' import contracts
	$(BIN)/lint-imports --no-logo

.PHONY: tests
tests: $(STAMP) ## pytest: unit, property, conformance and integration tests
	$(BIN)/pytest -n 2 --dist worksteal

.PHONY: mutants
mutants: $(STAMP) ## plant a hundred errors, one at a time: the tests have to notice each (some 5 minutes)
	$(BIN)/python -m tests.mutants

.PHONY: bench-smoke
bench-smoke: $(STAMP) ## every benchmark once, small: it runs, no clock is judged
	$(BIN)/stowage bench --nodes 500 --pods 200

# ------------------------------------------------------------------------------------ comparison
.PHONY: bench
bench: $(STAMP) reference ## the benchmarks in full, beside the real kube-scheduler
	$(BIN)/stowage bench --reference

.PHONY: bench-live
bench-live: $(STAMP) reference ## the live scheduler in full: drains beside the real one, and memory (some 40 minutes)
	@missed=0; for each in 'drain --rounds 5' memory; do $(BIN)/python -m benchmarks.$$each || missed=$$?; done; exit $$missed

.PHONY: conformance
conformance: $(STAMP) ## all recorded answers of the real kube-scheduler
	$(BIN)/stowage conformance tests/data/conformance

.PHONY: reference
reference: $(STAMP) ## build the real kube-scheduler and the programs that ask it
	@scripts/reference.sh

.PHONY: prometheus
prometheus: ## unpack Debian's prometheus for the test in which it scrapes; no root is needed
	@scripts/prometheus.sh

.PHONY: browser
browser: ## install Debian's Chromium for the tests of the pages (needs root)
	@scripts/browser.sh

.PHONY: record
record: reference ## record tests/data/conformance anew (RECORD_SEED, RECORD_COUNT; some 7 minutes)
	$(BIN)/python -m tests.reference.record $(RECORD_SEED) $(RECORD_COUNT) tests/data/conformance

.PHONY: side-by-side
side-by-side: $(STAMP) reference ## COUNT random pods (300) of every family beside the real scheduler, from SEED (1) on
	SEED=$(SEED) COUNT=$(COUNT) $(BIN)/pytest -s tests/integration/side_by_side

.PHONY: fuzz
fuzz: reference ## random scenarios, the real one against ours (SEED, COUNT, FAMILIES)
	$(BIN)/python -m tests.fuzz --seed $(SEED) --count $(COUNT) $(addprefix --family ,$(FAMILIES))

.PHONY: differential
differential: reference ## random requests to the embedded API server and the real one (SEED, COUNT, KIND)
	$(BIN)/python -m tests.differential --seed $(SEED) --count $(COUNT) $(addprefix --kind ,$(KIND))

# ------------------------------------------------------------------------------------------ rest
.PHONY: lock
lock: $(STAMP) ## write requirements/*.txt anew from pyproject.toml (LOCK=--upgrade for the newest)
	@scripts/lock.sh $(LOCK)

.PHONY: clean
clean: ## remove caches; .venv stays
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests -name __pycache__ -prune -exec rm -rf {} +
