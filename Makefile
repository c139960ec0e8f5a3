# Each command first makes .venv from requirements.lock, again only when the lock has changed.

PYTHON ?= python3
ARGS ?=
python := .venv/bin/python
pip := $(python) -m pip install --quiet --require-hashes
version = import sys; v = sys.version_info; \
	v >= (3, 11) or sys.exit(f"error: Python {v[0]}.{v[1]} is older than 3.11: make PYTHON=python3.12")
locked = awk '/^[a-z]/ { wanted = /^$(1)==/ } wanted' requirements.lock

.PHONY: help train test check bench tensorboard lock

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' Makefile

train: .venv/ready ## Train, test, plot and save; options: make train ARGS="--trainer.max_epochs 5"
	@$(python) -m src.train $(ARGS)

# Bytecode is kept even where the environment forbids it, else each process compiles the tests anew.
test: .venv/ready ## Run the tests, a process for each processor; options: make test ARGS="-m slow"
	@PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(python) -m pytest --numprocesses auto --dist worksteal $(ARGS)

check: .venv/ready ## Check format, style, types and docstrings
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/pydoclint src

bench: .venv/ready ## Measure speed beside the alternatives, half an hour; the machine must be idle
	@$(python) -m benchmarks.speed $(ARGS)

tensorboard: .venv/ready ## Show the curves of all runs in the browser
	@.venv/bin/tensorboard --logdir lightning_logs $(ARGS)

lock: .venv/ready ## Pin every dependency anew in requirements.lock
	@.venv/bin/uv pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" --extra dev pyproject.toml --output-file requirements.lock

# uv installs the lock several times faster than pip. It does not read pip's configuration, so where
# only pip knows the way to the packages, pip does the same work. docstring-parser (jsonargparse) and
# docstring-parser-fork (pydoclint) write the same files; the fork serves both and goes in last.
.venv/ready: requirements.lock
	@echo "Preparing .venv (a few minutes and 6 GB the first time) ..."
	@$(python) -c 'import pip; $(version)' 2> /dev/null || { $(PYTHON) -c '$(version)' && \
		$(PYTHON) -m venv --clear .venv; }
	@$(call locked,uv) > .venv/uv.lock
	@$(call locked,docstring-parser-fork) > .venv/fork.lock
	@$(pip) --requirement .venv/uv.lock
	@.venv/bin/uv pip install --quiet --python $(python) --compile-bytecode --require-hashes \
		--requirement requirements.lock || $(pip) --requirement requirements.lock
	@$(pip) --force-reinstall --no-deps --requirement .venv/fork.lock
	@$(python) -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
