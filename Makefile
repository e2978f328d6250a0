# `make help` lists what there is. PYTHON names the interpreter (3.11 or newer) the environment is made from.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help
.PHONY: help run worker test fast check bench doctor demo format clean install install-dev

# Keyed by content: an edited requirements file installs anew, an unchanged one costs nothing.
hash = $(shell cat $(1) | cksum | cut -d' ' -f1)
RUN_STAMP = $(VENV)/.installed-$(call hash,requirements.txt)
DEV_STAMP = $(VENV)/.installed-dev-$(call hash,requirements.txt requirements-dev.txt)

help:  ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: install  ## Start the worker and the app on http://127.0.0.1:8501 (the first time installs)
	@exec $(BIN)/python -m turn_core up

worker: install  ## Start a worker alone
	@exec $(BIN)/python -m turn_core worker

demo: install  ## Audit the built-in digits without a browser, into out/demo
	$(BIN)/python -m turn_core demo --out out/demo

doctor: install  ## Check this machine and say what to mend
	$(BIN)/python -m turn_core doctor

# Files of tests run beside each other, one process per core, at most four: each has servers and a browser of
# its own. One thread each, or they would fight for the cores. The order is tests/conftest.py's: slow files first.
TESTS = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test: install-dev  ## Run every test: unit, page, browser, real worker
	$(TESTS)

fast: install-dev  ## Run the unit tests only, for the loop while coding
	$(BIN)/python -m pytest -m "not browser and not worker and not postgres and not slow and not real_data"

check: install-dev  ## Run what a change must pass: format, lint, types, then every test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(TESTS)

bench: install-dev  ## List the benchmarks; one is run by: make bench NAME=audit_scale ARGS="..."
ifdef NAME
	PYTHONPATH=. $(BIN)/python benchmarks/$(NAME).py $(ARGS)
else
	@ls benchmarks/*.py | xargs -n1 basename | sed 's/\.py$$//' | grep -vE '^(harness|large_project)$$'
endif

format: install-dev  ## Format the code and mend what lint can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## Remove the environment, caches and outputs of this folder (never the data in TURN_HOME)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .coverage htmlcov out *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

install: $(RUN_STAMP)
install-dev: $(DEV_STAMP)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "TURN Audit needs Python 3.11 or newer, this is %d.%d; name one with PYTHON=..." % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)

$(RUN_STAMP): | $(BIN)/python
	@echo "Installing the requirements; the first time this takes about two minutes."
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements.txt
	@rm -f $(VENV)/.installed-[0-9]* && touch $@

$(DEV_STAMP): | $(BIN)/python
	@echo "Installing the requirements and the test tools; the first time this takes about two minutes."
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements-dev.txt
	@rm -f $(VENV)/.installed-* && touch $@ $(RUN_STAMP)
