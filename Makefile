# Two commands matter: `make demo` runs the product, `make test` runs every test. Both set everything up themselves.
PYTHON ?= python3
BIN := .venv/bin
RUN := $(BIN)/python

.PHONY: demo test test-heavy check setup bench format translations

demo: setup
	$(RUN) manage.py demo

test: setup chromium
	$(RUN) -m pytest -n 2 --dist worksteal

test-heavy: setup chromium
	$(RUN) -m pytest -m heavy -p no:randomly

check: setup gettext
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(RUN) manage.py makemigrations --check --dry-run
	$(RUN) -m tests.check_translations
	$(RUN) -m tests.check_deploy

bench: setup
	$(RUN) -m benchmarks

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The virtual environment follows the lock file; the stamp keeps a second run quick.
setup: .venv/stamp

.venv/stamp: pyproject.toml uv.lock $(wildcard locale/*/LC_MESSAGES/django.po)
	test -x $(RUN) || $(PYTHON) -m venv .venv
	test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet uv
	$(BIN)/uv sync --frozen --quiet
	$(BIN)/pybabel --quiet compile --domain django --directory locale --use-fuzzy || true
	touch .venv/stamp

.PHONY: chromium gettext
chromium:
	@command -v chromium > /dev/null || (apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium)

gettext:
	@command -v xgettext > /dev/null || (apt-get update -qq && apt-get install -y -qq --no-install-recommends gettext)
