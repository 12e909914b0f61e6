# Everything a fresh machine needs: `make demo` and `make test`.
PYTHON ?= python3
VENV   ?= .venv
# Another build, CUDA for instance: make setup TORCH="torch==2.13.0 --index-url <the CUDA index>"
TORCH  ?= torch==2.13.0
BIN    := $(VENV)/bin

.PHONY: help setup demo test lint format bench clean
help:            ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade -c constraints.txt pip
	$(BIN)/python -m pip install --quiet $(TORCH)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $@

setup: $(VENV)/.ready    ## make .venv and install the project into it

demo: $(VENV)/.ready     ## analyse a real voice and a real face, then train MDF on the synthetic dataset
	$(BIN)/sentiprism demo

lint: $(VENV)/.ready     ## ruff, mypy --strict, import contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint               ## lint, then every test
	$(BIN)/pytest -n auto --dist worksteal

format: $(VENV)/.ready   ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.ready    ## cost of every model; speed and memory against the plain way
	$(BIN)/sentiprism bench
	$(BIN)/python benchmarks/train_step.py
	$(BIN)/python benchmarks/import_mmsa.py

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
