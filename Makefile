# Everything a developer runs. `make` alone lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo serve test test-fast test-environments lint format bench bench-files bench-training bench-forecasting constraints clean
.DELETE_ON_ERROR:

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## Create .venv and install what is needed, at the versions in constraints.txt

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,demo]'
	@$(BIN)/python -m compileall -q src
	@touch $@

demo: setup ## Train a first model on a small dataset and show its run
	@$(BIN)/modelstudio demo

serve: setup ## Serve the API on 127.0.0.1:8080, with everything kept in ./data
	@$(BIN)/modelstudio serve

test: lint ## Check the style and the types, and run the whole test suite
	@$(BIN)/python -m pytest

test-fast: setup ## Run the tests that train no real model
	@$(BIN)/python -m pytest -q -m 'not training and not environments'

test-environments: setup ## Run the slow tests of trainers in environments of their own
	@$(BIN)/python -m pytest -m environments

lint: setup ## Check style, formatting and types
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy --no-error-summary

format: setup ## Rewrite the code in its one format and mend what can be mended
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

bench: setup ## Measure speed and memory of the server
	@$(BIN)/python -m bench

bench-files: setup ## Measure what files of tables cost, beside pandas and DuckDB
	@PYTHONPATH=src $(BIN)/python -m bench.files

bench-training: setup ## Compare the trainers with other engines on real data; most of a day, see docs/benchmarks
	@PYTHONPATH=src $(BIN)/python -m bench.training $(ARGS)

bench-forecasting: setup ## Compare the forecasting trainer with other engines on real series; about an hour
	@PYTHONPATH=src $(BIN)/python -m bench.forecasting $(ARGS)

constraints: setup ## Write the newest versions that work together to constraints.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--upgrade --upgrade-strategy eager -e '.[dev,demo]'
	@$(BIN)/python -m pip freeze --exclude-editable | grep '==' | LC_ALL=C sort -f > constraints.txt
	@touch $(INSTALLED)

clean: ## Remove the environment and everything that was made here, but no data
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis src/*.egg-info
	find src tests bench -name __pycache__ -prune -exec rm -rf {} +
