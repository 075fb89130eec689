PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What `make demo` needs, and what `make test` needs on top, installed once each.
DEMO_STAMP := $(VENV)/.installed-demo
DEV_STAMP := $(VENV)/.installed-dev

.PHONY: demo test lint format clean browser

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(DEMO_STAMP): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[report]'
	touch $@

$(DEV_STAMP): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@ $(DEMO_STAMP)

## Match distorted photos of sample identities and open the way to the HTML report.
demo: $(DEMO_STAMP)
	$(BIN)/python examples/demo/run.py --output demo-output

## Everything: formatting, lint, types, import direction, tests with coverage.
test: lint browser
	$(BIN)/pytest --cov --cov-report=term

## Chromium, in which tests open reports; without it, and not root on Debian, they skip.
browser:
	@command -v chromium >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
	  && apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; } \
	  || echo "no chromium: tests that open reports in a browser will skip"

lint: $(DEV_STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(DEV_STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) demo-output
