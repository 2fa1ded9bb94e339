# Every command of the project. Each target works as the first one after a clone: it creates the environment if needed.
PYTHON ?= python3
UV_VERSION := 0.13.9
BIN := .venv/bin
READY := .venv/.ready
LOCK = $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --quiet

.DEFAULT_GOAL := help
.PHONY: help demo up down dashboard validate test check format lock vendor bench clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(READY): requirements-dev.lock pyproject.toml sdk/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "ML Guard needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@echo "Making the environment in .venv (once, a minute or two) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/uv pip install --python $(BIN)/python --compile-bytecode --no-deps --require-hashes -r requirements-dev.lock
	$(BIN)/uv pip install --python $(BIN)/python --quiet --no-deps -e . -e sdk
	@touch $@

demo: $(READY)  ## a year of real flights through the whole system; writes .guard/demo.json
	$(BIN)/python -m demo $(ARGS)

up: $(READY)  ## start serving, Dagster and MLflow's pages in the background
	$(BIN)/ml-guard up --detach

down: $(READY)  ## stop what `make up` started
	$(BIN)/ml-guard down

dashboard: $(READY)  ## open the pages in a browser, signed in
	$(BIN)/ml-guard open

validate: $(READY)  ## check what runs: health, metrics, drift of generated events
	./validation.sh

test: $(READY)  ## all tests, on real parts
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

check: $(READY)  ## format, lint, types, import contracts, lock file in step
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@mkdir -p .venv/lock && cp requirements.lock requirements-dev.lock .venv/lock/
	@$(LOCK) -o .venv/lock/requirements.lock
	@$(LOCK) --group dev -c requirements.lock -o .venv/lock/requirements-dev.lock
	@diff -q requirements.lock .venv/lock/requirements.lock && diff -q requirements-dev.lock .venv/lock/requirements-dev.lock || \
		{ echo "The lock files are not in step with pyproject.toml: run make lock"; exit 1; }

format: $(READY)  ## format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(READY)  ## regenerate the lock files from pyproject.toml
	$(LOCK) -o requirements.lock
	$(LOCK) --group dev -c requirements.lock -o requirements-dev.lock

vendor:  ## fetch the scripts of serving/pages/vendor again, and compare them with their hashes
	$(PYTHON) serving/pages/vendor/fetch.py

bench: $(READY)  ## benchmarks against other tools; writes docs/benchmarks.md
	$(BIN)/python -m bench $(ARGS)

clean:  ## remove the environment; the data in .guard stays
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis
