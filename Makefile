# `make demo` and `make test` set up all they need, in .venv.
PYTHON ?= python3
VENV = .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed
# Of `make fuzz`; KINDS are all without it.
COUNT ?= 100
SEED ?= 0

.PHONY: demo test test-slow android-test web web-test wheel-test oldest-test \
	fuzz lint format venv clean

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

# The page of tools/web, into tools/web/dist; needs node from 20.12 and npm.
web: $(STAMP)
	$(BIN)/python tools/export_bundled_models.py
	$(BIN)/python tools/web/copy_samples.py
	cd tools/web && npm ci --no-audit --no-fund && node build.mjs

# Needs Chromium, too.
web-test: web
	$(BIN)/python tools/make_golden_values.py
	cd tools/web && npm run check && npm run test:node && npm run test:browser

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
	rm -rf $(VENV) build dist *.egg-info tools/web/build tools/web/dist \
		tools/web/node_modules
