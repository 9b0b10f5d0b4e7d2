# `make report` does the main job on a fresh machine, `make test` the tests. Needed beforehand: Python 3.11+ and make.
PYTHON ?= python3
VENV ?= .venv
CONFIG ?= config/config.yaml
CORES ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: report test test-fast test-gpu audit soak test-slurm bench docs docs-files lint format setup environments status usable

report: $(STAMP) usable ## run the DAG of CONFIG and print where the page is
	python -m wae check --config "$(CONFIG)"
	snakemake --cores $(CORES) --configfile "$(CONFIG)" -- all
	@echo "The report: $(abspath reports/summary.html)"

test: $(STAMP) usable ## the whole test suite, a worker a core
	python -m pytest -n $(CORES) --dist loadfile --no-loadscope-reorder

usable: $(STAMP)
	@case "$(CORES)" in ''|*[!0-9]*|0*) echo "error: CORES is '$(CORES)', need a whole number of 1 or more" >&2; exit 1;; esac
	@$(BIN)/python -c "" 2>/dev/null || { echo "error: $(VENV)/ has no Python that runs; delete it and run make again" >&2; exit 1; }

test-fast: $(STAMP) usable ## the tests that take seconds
	python -m pytest -m "not slow and not slurm"

test-gpu: $(STAMP) ## the CUDA tests on a real device (without one it says so)
	python -m tests.cuda

lint: $(STAMP) ## formatting, lint, types
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile workflow
	mypy
	snakemake --lint --configfile config/smoke.yaml

format: $(STAMP) ## put the code into its standard form
	ruff check --fix .
	ruff format .
	snakefmt Snakefile workflow

setup: $(STAMP) ## only create the environment

docs: $(VENV)/.docs ## build the site into site/; a broken link fails it
	NO_MKDOCS_2_WARNING=1 python -m mkdocs build --strict
	@echo "The site: $(abspath site/index.html); python -m http.server --directory site shows it with its search"

docs-files: $(STAMP) ## write the pictures and tables of docs/ that are drawn from the code
	python docs/generate.py

$(VENV)/.docs: $(STAMP) docs/requirements.txt
	python -m pip install --quiet --disable-pip-version-check -r docs/requirements.txt
	@touch $@

environments: ## write environment.yml and workflow/envs/wae.yaml from requirements.lock
	$(PYTHON) .ci/environments.py

status: $(STAMP) ## what runs now and how far it is
	python -m wae status

audit: ## known vulnerabilities of the pinned packages, where their service can be reached
	$(PYTHON) -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit==2.10.1
	$(VENV)/audit/bin/pip-audit --progress-spinner off --disable-pip --no-deps -r requirements.lock

soak: $(STAMP) ## kill the workflow fifty times and compare (half an hour)
	python -m tests.shared.kill --kills 50 $$(mktemp -d)

test-slurm: $(STAMP) ## the smoke config through a real one-node SLURM (needs root, slurmctld, slurmd, munge)
	python -m pytest -m slurm tests/slurm

bench: benchmarks/.venv/.installed ## time this suite against its peers, write benchmarks/REPORT.md (half an hour)
	benchmarks/.venv/bin/python -m benchmarks

benchmarks/.venv/.installed: requirements.lock benchmarks/requirements.txt
	$(PYTHON) -m venv benchmarks/.venv
	benchmarks/.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.lock -r benchmarks/requirements.txt
	@touch $@

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"error: Python {v[0]}.{v[1]} found, 3.11 or newer needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@
