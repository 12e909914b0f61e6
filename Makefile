# Everything a fresh machine needs: `make demo` and `make test`.
PYTHON ?= python3
VENV   ?= .venv
# Another build, CUDA for instance: make setup TORCH="torch==2.13.0 --index-url <the CUDA index>"
TORCH  ?= torch==2.13.0
BIN    := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
# make wheel WHEEL_SITE=.venv/lib/python3.11/site-packages: the wheel is tried with the dependencies that are there
WHEEL_SITE ?=
# The lowest declared versions; torch's own build for CPUs alone: TORCH_FLOOR="torch==2.6.0 --index-url <the CPU index>"
FLOOR       := .venv-floor
TORCH_FLOOR ?= torch==2.6.0
FLOOR_TESTS ?= $(addprefix tests/unit/test_,$(addsuffix .py,api artifact checkpoint cli_options config config_values \
    conformal csd explain figures_files files language loop media_decode metrics metrics_protocols mmsa registry \
    report_page resume starter store table text tuning)) tests/e2e/test_cli.py

.PHONY: help setup demo test tests test-floor lint docs linkcheck format bench wheel clean
help:            ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade -c constraints.txt pip
	$(BIN)/python -m pip install --quiet $(TORCH)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $@

setup: $(VENV)/.ready    ## make .venv and install the project into it

demo: $(VENV)/.ready     ## analyse a real voice and a real face, then train MDF on the synthetic dataset
	$(BIN)/sentiprism demo

lint: $(VENV)/.ready     ## ruff, mypy --strict, import contract, spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

test: lint tests         ## lint, then every test

tests: $(VENV)/.ready    ## every test
	$(BIN)/pytest -n auto --dist worksteal

test-floor:              ## a part of the tests with the lowest declared version of every dependency, in .venv-floor
	$(PYTHON) -m venv --clear $(FLOOR)
	$(PYTHON) tools/floor.py pyproject.toml > $(FLOOR)/constraints.txt
	$(FLOOR)/bin/python -m pip install --quiet $(TORCH_FLOOR)
	$(FLOOR)/bin/python -m pip install --quiet -c $(FLOOR)/constraints.txt \
	    -e '.[csd,explain,figures,media,tensorboard,tune]' pytest pytest-timeout hypothesis packaging
	$(FLOOR)/bin/python -m pytest -q $(FLOOR_TESTS)

wheel: $(VENV)/.ready    ## build sdist and wheel into dist, and try the wheel in an empty environment elsewhere
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist .
	$(BIN)/python tools/try_wheel.py dist/*.whl --site "$(WHEEL_SITE)" --torch "$(TORCH)"

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
	rm -rf $(VENV) $(FLOOR) dist docs/_build docs/models .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
