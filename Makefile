# Every target does its own set-up in .venv: Python 3.11 or newer (with pip and venv) is all that must be there.

# what is compiled is kept, whatever the shell says: tests begin many processes, and each would compile all again
unexport PYTHONDONTWRITEBYTECODE

.NOTPARALLEL:
.PHONY: help demo test lint types docs smoke suite thorough short versions bench dist clean

# tried in this order; to choose: make test PYTHON=python3.12
PYTHON = python3.11 python3.12 python3.13 python3
# a folder for each version of Python that is tried: make short PYTHON=python3.13 VENV=.venv-3.13
VENV = .venv
BIN = $(VENV)/bin
# the constraints were resolved with Python 3.11; newer ones get the newest packages that there are for them; a file is
# compiled when it is first imported, since most of them never are and all together take a minute
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile \
	$$($(BIN)/python -c 'import sys; print("-c constraints.txt" if sys.version_info < (3, 12) else "")')
# what leans on a version of Python or of a library: source text, forks, estimators' conventions, tables, files
SHORT = tests/autodiff/test_arrays.py tests/autodiff/test_composed.py tests/program/test_recording.py \
	tests/program/test_listing.py tests/program/test_state.py tests/optim/test_schedules.py \
	tests/engines/test_language.py tests/engines/test_fork.py tests/estimators/test_conventions.py::test_check \
	tests/data/test_read_table.py tests/data/test_table_encoder.py tests/data/test_hostile_tables.py \
	tests/files/test_file_round_trip.py tests/files/test_file_errors.py tests/nn/test_modules.py tests/test_text.py
# test processes side by side, a file to each at a time, since tests of a file share what is slow to make: one more
# than cores, since tests wait for processes and browsers too; 0 is none but pytest itself: make test WORKERS=0. Each
# computes on one thread: where several processes have threads on the same cores, these wait for one another in loops,
# which took a third of all processor time
WORKERS = $(shell $(BIN)/python -c 'import os; print(min(os.cpu_count() or 1, 7) + 1)')

help:
	@echo "make demo      train on the house prices that ship: scores, what was built, and why"
	@echo "make test      everything CI checks: lint, the smoke suite, the whole suite (pages in Chromium, if it is here)"
	@echo "make thorough  the suite with all combinations and ten times as many random examples: an hour or two"
	@echo "make lint      ruff, mypy, and which way the imports point"
	@echo "make types     the scripts of pages and studio, checked by TypeScript, which npx fetches"
	@echo "make docs      all pages and a reference of every class and function, as HTML: build/docs/index.html"
	@echo "make short     half a minute of tests, for another Python: make short PYTHON=python3.13 VENV=.venv-3.13"
	@echo "make dist      sdist and wheel in dist/, and the wheel tried in an environment that has nothing else"
	@echo "make bench     this machine's speed, beside the peers that are installed"
	@echo "make clean     remove what building and testing left behind (to start over, remove $(VENV) too)"

demo: $(VENV)/core
	$(BIN)/cutaway demo

# The pages are built while lint runs: each takes one core. The tests are collected there too, once, so that the
# processes of the suite, which each collect all of them, find every file compiled.
test: $(VENV)/test
	@{ $(MAKE) --no-print-directory docs >$(VENV)/built 2>&1; pages=$$?; \
			$(BIN)/python -m pytest -q --collect-only >/dev/null 2>&1; exit $$pages; } & built=$$!; \
		$(MAKE) --no-print-directory lint smoke; checked=$$?; \
		wait $$built; pages=$$?; cat $(VENV)/built; exit $$((checked + pages))
	@$(MAKE) --no-print-directory suite

lint: $(VENV)/test
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy
	$(BIN)/python tools/check_imports.py

types:
	npx --yes --package typescript@5.9 -- tsc -p jsconfig.json
	npx --yes --package typescript@5.9 -- tsc -p jsconfig.report.json

docs: $(VENV)/docs
	$(BIN)/python tools/build_docs.py

smoke: $(VENV)/test
	@test -n "$$(grep -rl --include='*.py' 'mark\.smoke' tests)" || { echo "No test is marked smoke." >&2; exit 1; }
	$(BIN)/python -m pytest -q -m smoke $$(grep -rl --include='*.py' 'mark\.smoke' tests)

suite: $(VENV)/test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile $(ARGS)

thorough: $(VENV)/test
	@CUTAWAY_THOROUGH=1 $(MAKE) --no-print-directory suite

short: $(VENV)/short
	@$(MAKE) --no-print-directory versions
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n logical --maxprocesses 7 --dist loadfile $(SHORT)

versions: $(VENV)/short
	@$(BIN)/python -c 'import platform; from importlib.metadata import version; print("Python", platform.python_version(), \
		*(f"{name} {version(name)}" for name in "numpy scipy llvmlite scikit-learn pandas pyarrow polars pillow jax".split()))'

bench: $(VENV)/test
	CUTAWAY_BENCH_PEERS=$${CUTAWAY_BENCH_PEERS:-$$(ls .venv-bench/bin/python 2>/dev/null)} \
		$(BIN)/cutaway bench $(FAMILIES) --out benchmarks/results/cpu.json $(ARGS)
	$(if $(FAMILIES),,CUTAWAY_BENCH_PEERS=$${CUTAWAY_BENCH_PEERS:-$$(ls .venv-bench/bin/python 2>/dev/null)} \
		$(BIN)/python -m benchmarks.commands $(filter --resume,$(ARGS)))
	$(BIN)/python -m benchmarks.report

dist: $(VENV)/dist
	rm -rf build dist
	$(BIN)/python -m build --outdir dist .
	rm -rf build
	$(BIN)/python tools/check_dist.py dist/*.whl

clean:
	rm -rf build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find src tests tools benchmarks -name __pycache__ -prune -exec rm -rf {} +

# The stamps core, dist, docs, short and test in it say that this pyproject.toml and these constraints are installed.
$(VENV)/core: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing Cutaway into $(VENV)"
	@$(PIP) -e .
	@touch $(VENV)/core

$(VENV)/test: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing Cutaway and what its tests need into $(VENV)"
	@$(PIP) -e ".[test,lint,docs]"
	@touch $(VENV)/core $(VENV)/docs $(VENV)/short $(VENV)/test

$(VENV)/short: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing Cutaway and what the short suite needs into $(VENV)"
	@$(PIP) -e ".[short]"
	@touch $(VENV)/core $(VENV)/short

$(VENV)/dist: $(VENV)/bin/python pyproject.toml constraints.txt
	@$(PIP) build
	@touch $(VENV)/dist

$(VENV)/docs: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing Cutaway and what its pages are built with into $(VENV)"
	@$(PIP) -e ".[docs]"
	@touch $(VENV)/core $(VENV)/docs

$(VENV)/bin/python:
	@for python in $(PYTHON); do \
		if "$$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
			echo "Making $(VENV) with $$("$$python" --version)"; \
			"$$python" -m venv --clear $(VENV) && { $(PIP) --upgrade pip || true; } && exit 0; \
			rm -rf $(VENV); exit 1; \
		fi; \
	done; \
	echo "Cutaway needs Python 3.11 or newer with pip and venv. Tried: $(PYTHON)." >&2; \
	echo "Here, python3 is: $$(python3 --version 2>&1)" >&2; \
	echo "Install one (on Debian and Ubuntu: python3 python3-venv), or name one: make test PYTHON=/path/to/python" >&2; \
	exit 1
