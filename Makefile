# `make run` and `make test` do all the set-up; VENV names the environment they make.
PYTHON ?= python3
VENV ?= .venv
# one exact version: a range would fetch the newest build, which comes with gigabytes of GPU libraries
TORCH ?= torch==2.13.0
PLATFORM ?= platforms/zcu102.yaml

BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: run test check lint types clean

run: $(READY)
	$(BIN)/python -m tlm run $(PLATFORM)

test: $(READY)
	$(BIN)/python -m pytest -n auto

check: lint types test

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $(READY)

clean:
	rm -rf $(VENV)
