# Everything a fresh machine needs: `make demo` and `make test`.
PYTHON ?= python3
VENV   ?= .venv
# Another build, CUDA for instance: make setup TORCH="torch==2.13.0 --index-url <the CUDA index>"
TORCH  ?= torch==2.13.0
BIN    := $(VENV)/bin

.PHONY: help setup demo test lint docs linkcheck format bench clean
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

docs: $(VENV)/.ready     ## build the documentation site into docs/_build/html; a warning is an error
	$(BIN)/python -m sphinx -W --keep-going -q -b html -d docs/_build/doctrees docs docs/_build/html
	@echo open docs/_build/html/index.html

linkcheck: $(VENV)/.ready    ## look up every link to other sites; needs the network
	$(BIN)/python -m sphinx -q -b linkcheck -d docs/_build/doctrees docs docs/_build/linkcheck

format: $(VENV)/.ready   ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.ready    ## cost of every model; speed and memory against the plain way
	$(BIN)/sentiprism bench
	$(BIN)/python benchmarks/train_step.py
	$(BIN)/python benchmarks/import_mmsa.py

clean:
	rm -rf $(VENV) docs/_build docs/models .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
