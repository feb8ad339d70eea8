# Every target does its own set-up in .venv: Python 3.11 or newer (with pip and venv) is all that must be there.

.NOTPARALLEL:
.PHONY: help demo test lint smoke suite bench clean

# tried in this order; to choose: make test PYTHON=python3.12
PYTHON = python3.11 python3.12 python3.13 python3
BIN = .venv/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
# test processes side by side; 0 is none but pytest itself: make test WORKERS=0
WORKERS = 2

help:
	@echo "make demo    train on the house prices that ship: scores, what was built, and why"
	@echo "make test    everything CI checks: lint, the smoke suite, the whole suite (pages in Chromium, if it is here)"
	@echo "make lint    ruff, mypy, and which way the imports point"
	@echo "make bench   this machine's speed, beside the peers that are installed"
	@echo "make clean   remove what building and testing left behind (to start over, remove .venv too)"

demo: .venv/core
	$(BIN)/cutaway demo

test: lint smoke suite

lint: .venv/test
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy
	$(BIN)/python tools/check_imports.py

smoke: .venv/test
	@test -n "$$(grep -rl --include='*.py' 'mark\.smoke' tests)" || { echo "No test is marked smoke." >&2; exit 1; }
	$(BIN)/python -m pytest -q -m smoke $$(grep -rl --include='*.py' 'mark\.smoke' tests)

suite: .venv/test
	$(BIN)/python -m pytest -q -n $(WORKERS) $(ARGS)

bench: .venv/test
	CUTAWAY_BENCH_PEERS=$${CUTAWAY_BENCH_PEERS:-$$(ls .venv-bench/bin/python 2>/dev/null)} \
		$(BIN)/cutaway bench $(FAMILIES) --out benchmarks/results/cpu.json $(ARGS)
	$(BIN)/python -m benchmarks.report

clean:
	rm -rf build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find src tests tools benchmarks -name __pycache__ -prune -exec rm -rf {} +

# The stamps .venv/core and .venv/test say that this pyproject.toml and these constraints are installed.
.venv/core: .venv/bin/python pyproject.toml constraints.txt
	@echo "Installing Cutaway into .venv"
	@$(PIP) -e .
	@touch .venv/core

.venv/test: .venv/bin/python pyproject.toml constraints.txt
	@echo "Installing Cutaway and what its tests need into .venv"
	@$(PIP) -e ".[test,lint]"
	@touch .venv/core .venv/test

.venv/bin/python:
	@for python in $(PYTHON); do \
		if "$$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
			echo "Making .venv with $$("$$python" --version)"; \
			"$$python" -m venv --clear .venv && exit 0; \
			rm -rf .venv; exit 1; \
		fi; \
	done; \
	echo "Cutaway needs Python 3.11 or newer with pip and venv. Tried: $(PYTHON)." >&2; \
	echo "Here, python3 is: $$(python3 --version 2>&1)" >&2; \
	echo "Install one (on Debian and Ubuntu: python3 python3-venv), or name one: make test PYTHON=/path/to/python" >&2; \
	exit 1
