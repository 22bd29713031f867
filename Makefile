# make demo   set everything up and see plain and augmented answers side by side
# make test   set everything up and run the tests
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.ready

.PHONY: setup weights demo test test-slow browser test-ui soak-ui screenshots lint bench ui wheel clean
.DEFAULT_GOAL := setup

setup: $(STAMP) weights

# Installed anew only when what is to be installed has changed.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "firmground needs Python 3.11 to 3.13; name one: make setup PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[cpu,onnx,ui,dev]'
	@touch $(STAMP)

# Looks whether the weights are here (a few hundredths of a second) and fetches what isn't.
weights: $(STAMP)
	@$(BIN)/python -m firmground.knowledge.weights

demo: setup
	$(BIN)/firmground demo

test: setup
	$(BIN)/python -m pytest

test-slow: setup
	$(BIN)/python -m pytest -m slow

# The page in a real browser: Playwright, and Debian's Chromium, installed where that can be done.
browser: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt playwright
	@sh tests/ui/browser.sh

test-ui: browser
	$(BIN)/python -m pytest -m browser -rs tests/ui || { echo "What failed, once more and alone:"; \
	  $(BIN)/python -m pytest -m browser -rs --last-failed tests/ui; }

soak-ui: browser
	$(BIN)/python -m tests.ui.soak

screenshots: browser
	$(BIN)/python -m tests.ui.screenshots docs --workspace build/screenshots

lint: setup
	@mkdir -p .types && ln -sfn .. .types/firmground
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	MYPYPATH=.types $(BIN)/mypy --namespace-packages --explicit-package-bases \
	  -p firmground.knowledge -p firmground.rag -p firmground.eval -p firmground.ui

bench: setup
	$(BIN)/python -m firmground.eval.bench

ui: setup
	$(BIN)/firmground ui

# Builds the wheel, installs it in a clean environment and imports every module from it.
wheel: setup
	sh tests/wheel.sh $(BIN)/python

clean:
	rm -rf build dist *.egg-info .types .mypy_cache .ruff_cache .pytest_cache
