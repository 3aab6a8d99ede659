# Everything on a fresh machine with Python 3.11 or later: `make demo`, `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

LOWEST := .venv-lowest/bin/python
TEST_TOOLS := hypothesis markdown-it-py pypdf pytest pytest-xdist tensorboardX

.PHONY: help demo test test-slow test-lowest lint format package bench docs clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install -qq -c constraints.txt -e '.[lab,integrations,dev]'
	touch $@

demo: $(READY) ## a tuned base, its controls, SAM and relatives, 12 seeds, real data
	$(BIN)/sssam compare --out results/demo

lint: $(READY) ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint ## lint, all tests, doctests; warnings are errors
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-slow: $(READY) ## what takes minutes: the wheel in an environment of its own, longer studies
	$(BIN)/python -m pytest -m slow

# Torch at its lowest is some gigabytes with its CUDA libraries: LOWEST_WITH="torch==2.13.0" keeps another.
test-lowest: ## all tests with the lowest versions that pyproject.toml claims
	$(PYTHON) -m venv .venv-lowest
	$(LOWEST) -m pip install -qq uv
	$(LOWEST) -m uv pip install -q --python $(LOWEST) --resolution lowest-direct -e '.[lab,integrations]' $(LOWEST_WITH)
	$(LOWEST) -m pip freeze --exclude-editable > .venv-lowest/lowest.txt
	$(LOWEST) -m uv pip install -q --python $(LOWEST) -c .venv-lowest/lowest.txt $(TEST_TOOLS)
	$(LOWEST) -m pytest -n 2 --dist loadfile -W default

format: $(READY) ## what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

package: $(READY) ## wheel and source distribution, in dist
	rm -rf dist
	$(BIN)/python -m build --quiet

bench: $(READY) ## step times, side by side
	$(BIN)/python -m benchmarks.step_times --out benchmarks/step_times.json $(if $(PEERS),--peers $(PEERS))

$(VENV)/.docs: $(READY)
	$(BIN)/python -m pip install -qq -c constraints.txt -e '.[docs]'
	touch $@

docs: $(VENV)/.docs ## the site, in build/docs
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -W --keep-going -q -c docs . build/docs

clean: ## remove environments, results and what was built
	rm -rf $(VENV) .venv-lowest build dist results *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
