# `make demo` and `make test` set up all they need, in .venv.
PYTHON ?= python3
VENV = .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed
# Of `make fuzz`; KINDS are all without it.
COUNT ?= 100
SEED ?= 0

.PHONY: demo test test-slow android-test wheel-test oldest-test fuzz lint format venv clean

venv: $(STAMP)

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev,demo]'
	touch $@

demo: $(STAMP)
	$(BIN)/python tools/demo.py

test: $(STAMP)
	$(BIN)/python -m pytest

fuzz: $(STAMP)
	$(BIN)/python tools/lab/fuzz.py $(KINDS) --count $(COUNT) --seed $(SEED)

test-slow: $(STAMP)
	$(BIN)/python -m pytest -m slow --dist worksteal

# The app of tools/android; needs a JDK from 17 and Maven.
android-test: $(STAMP)
	$(BIN)/python tools/android/host_build.py

# In environments of their own, in a temporary folder.
wheel-test: $(STAMP)
	$(BIN)/python .ci/check_wheel.py --dist dist \
		--constraints .ci/constraints-newest.txt

oldest-test: $(STAMP)
	$(BIN)/python .ci/check_wheel.py --smoke \
		--constraints .ci/constraints-oldest.txt

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist *.egg-info
