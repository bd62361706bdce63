# Two commands matter: `make demo` runs the product, `make test` runs every test. Both set everything up themselves.
PYTHON ?= python3
BIN := .venv/bin
RUN := $(BIN)/python
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
DEBIAN := sh -c '$(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq --no-install-recommends "$$0"'

.PHONY: demo test test-heavy check setup bench format translations screenshots

demo: setup
	$(RUN) manage.py demo

test: setup chromium pdftotext
	$(RUN) -m pytest -n 2 --dist loadfile

test-heavy: setup chromium pdftotext
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

# The README's pictures, made anew by the tests that walk through those pages.
screenshots: setup chromium
	$(RUN) -m pytest tests/browser -k "advice_and or office_of_a_trial"
	cp var/screenshots/participant.png var/screenshots/office.png docs/images/

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The virtual environment follows the lock file; the stamp keeps a second run quick.
setup: .venv/stamp

.venv/stamp: pyproject.toml uv.lock $(wildcard locale/*/LC_MESSAGES/django.po)
	test -x $(RUN) || $(PYTHON) -m venv .venv
	test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet uv
	$(BIN)/uv sync --frozen --quiet --compile-bytecode
	$(RUN) -m trial.config.translations
	touch .venv/stamp

.PHONY: chromium gettext pdftotext
chromium:
	@command -v chromium > /dev/null || $(DEBIAN) chromium

pdftotext:
	@command -v pdftotext > /dev/null || $(DEBIAN) poppler-utils

gettext:
	@command -v xgettext > /dev/null || $(DEBIAN) gettext

# Extracts new texts into the catalogues, to be translated by hand.
translations: setup gettext
	$(RUN) manage.py makemessages --locale nb --locale nn --locale sv --no-location --no-wrap \
		--ignore .venv --ignore var --ignore tests
