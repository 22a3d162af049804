# `make train` and `make test` work in an empty clone: they make .venv first.
PYTHON ?= python3
BIN := .venv/bin
# Processes that test at once: one a core, at most 4, since each needs up to 3 GB. `make JOBS=0 test`
# tests in one process. A file stays in one process, with what its tests share.
JOBS ?= auto

.PHONY: train test lint clean

train: .venv/.installed
	$(BIN)/python train.py --loss dice_loss

test: .venv/.installed-dev lint
	$(BIN)/python -m pytest -n $(JOBS) --maxprocesses 4 --dist loadfile

lint: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.venv/.installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: $(PYTHON) is too old, expected Python 3.11 or newer: make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -r requirements.txt
	touch $@

.venv/.installed-dev: .venv/.installed requirements-dev.txt
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	touch $@

clean:
	rm -rf .venv build *.egg-info
