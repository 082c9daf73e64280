# Everything from a bare machine: Python 3.11+, make and a package registry. `make` lists it all.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
INSTALL = $(BIN)/python -m pip install -qq
# Two processes, a file of tests to each: most of the time is waiting. A file's fixtures stay one.
TWICE = -n 2 --dist loadfile
STRUCTURE = layers size surface imports architecture
# What fits a table that is shipped (fit_*.py) is no measurement; the last needs a GPU.
BENCHMARKS = $(filter-out benchmarks/fit_% %_gpu.py,$(wildcard benchmarks/*.py))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo demo-archive test check format bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "PYTHON=python3.12 picks another interpreter, VENV=folder another environment."

demo: $(VENV)/.models ## install, fetch the small models, and ask a clip a question
	$(BIN)/qwa ask examples/audio/kitchen.mp3 "what emotion?"

demo-archive: $(VENV)/.dev $(VENV)/.models ## make a small podcast, listen to it, and ask it three questions
	$(BIN)/python examples/podcast_archive.py

test: $(VENV)/.dev ## install, and run the whole test suite
	$(BIN)/python tests/servers/environments.py
	$(BIN)/python -m pytest $(TWICE)

check: $(VENV)/.dev ## format, lint, types, spelling, structure
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/typos
	$(BIN)/python -m pytest -q $(STRUCTURE:%=tests/structure/test_%.py)

format: $(VENV)/.dev ## rewrite the files as `make check` wants them
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev ## measure, and write benchmarks/*.md (an hour on two cores)
	set -e; for script in $(BENCHMARKS); do $(BIN)/python "$$script"; done

clean: ## remove what make and the tools made here (the models stay in the cache)
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps make a second run instant; they are older than pyproject.toml when it has changed.

$(VENV)/.venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "error: $(PYTHON) is missing or older than Python 3.11" >&2; \
	  echo "hint: make PYTHON=python3.12, or the path of any Python from 3.11 on" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { \
	  echo "error: $(PYTHON) cannot make virtual environments" >&2; \
	  echo "hint: apt-get install python3-venv, or what your system calls it" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --upgrade 'pip>=25.1' # the first that knows --group
	@touch $@

$(VENV)/.embedded: $(VENV)/.venv pyproject.toml
	$(INSTALL) --editable '.[embedded]'
	@touch $@

$(VENV)/.dev: $(VENV)/.venv pyproject.toml
	$(INSTALL) --group torch # first, so that nothing below asks for another
	$(INSTALL) --editable '.[all]' --group dev
	@touch $@

$(VENV)/.models: $(VENV)/.embedded
	$(BIN)/qwa models pull
	@touch $@
