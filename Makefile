# Everything runs in its own virtual environment; nothing is installed outside this folder.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PROCESSES ?= 2

.PHONY: demo demo-web quick test lint types check bench elasticsearch golden clean

demo: $(VENV)/.base  ## index real photos on the embedded backend, run four searches, write a contact sheet
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps "scikit-image>=0.25"
	$(BIN)/hybrid-search embedder fetch minilm || echo "going on without it" >&2
	$(BIN)/hybrid-search demo --out demo

demo-web: demo  ## the same photos in the browser, until Ctrl-C
	$(BIN)/pip install --quiet --disable-pip-version-check --editable ".[web]"
	$(BIN)/hybrid-search --index demo/index serve --open

quick: lint types  ## after every change: lint, types, and the tests without servers and models; what failed last comes first
	$(BIN)/python -m pytest tests/house tests/unit tests/conformance -m "not servers and not models and not slow" \
		--failed-first --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder

test: $(VENV)/.test  ## both versions of Elasticsearch, then all tests; the servers end with them
	$(BIN)/python -m scripts.servers.session $(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist loadfile

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test
	$(BIN)/mypy

check: lint types test

bench: $(VENV)/.test  ## the figures of docs/benchmarks.md, as ratios measured in one run
	$(BIN)/python scripts/bench.py

elasticsearch:  ## start a real server and print its URL; scripts/elasticsearch stop ends it
	@scripts/elasticsearch start

golden: $(VENV)/.test  ## rewrite the expected bodies after reading what changed
	$(BIN)/python -m tests.support.update_golden

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "hybrid-search needs Python 3.10 or newer; pass PYTHON=python3.12 or the like" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "$(PYTHON) cannot make a virtual environment; on Debian: apt install python3-venv" >&2; rm -rf $(VENV); exit 1; }

$(VENV)/.base: $(VENV)/bin/python setup.cfg pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable ".[duplicates]"
	@touch $@

$(VENV)/.test: $(VENV)/.base
	$(BIN)/pip install --quiet --disable-pip-version-check --editable ".[all,test]"
	@touch $@

clean:
	rm -rf $(VENV) demo build *.egg-info
