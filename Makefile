# Targets are listed by `make help`. They work from any folder: make -C DIR, make -f DIR/Makefile.
MAKEFILE := $(MAKEFILE_LIST)
ROOT := $(shell cd "$$(dirname -- "$$(echo '$(MAKEFILE)' | sed 's/^ //')")" && pwd -P)

.DEFAULT_GOAL := help
.PHONY: help demo test test-unit test-long test-browser test-chaos chaos chaos-short bench bench-growth bench-transport bench-control bench-closing bench-figures up lint format lock clean install uv

# The interpreter that .venv is made from.
PYTHON ?= python3

ifneq ($(CURDIR),$(ROOT))

help demo test test-unit test-long test-browser test-chaos chaos chaos-short bench bench-growth bench-transport bench-control bench-closing bench-figures up lint format lock clean install uv:
	@$(MAKE) --no-print-directory -C '$(ROOT)' $@

else

VENV := .venv/bin/python
PACKAGES := celery_sqs_fifo config tasks operations observability apps embedded testbed demo bench tests \
	manage.py requirements/bootstrap.py

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1~\2/p' Makefile | awk -F'~' '{ printf "%-18s %s\n", $$1, $$2 }'

demo: install ## run the service end to end on an embedded stack and check the result (DEMO_EVENTS=1000)
	@$(VENV) -m demo

test: lint ## lint, types, import contracts, then the whole test suite
	# Most end-to-end tests wait rather than compute.
	$(VENV) -m pytest --numprocesses 4 --dist worksteal

test-unit: install ## the tests that need no server
	$(VENV) -m pytest tests/unit

test-long: install ## 2,000 random schedules of work and faults against the strict model of SQS
	HYPOTHESIS_PROFILE=long $(VENV) -m pytest tests/unit/celery_sqs_fifo/consuming/test_schedules.py

test-browser: install ## look at the console with headless Chromium; screenshots in tests/browser/screenshots
	@$(VENV) -m tests.browser.chromium
	@$(VENV) -m uv pip install --quiet --python $(VENV) --require-hashes --requirement requirements/browser.txt
	$(VENV) -m pytest tests/browser

test-chaos: install ## kill workers and beat at every step of closing, and take PostgreSQL away for a minute
	$(VENV) -m pytest tests/chaos --numprocesses 2 --dist worksteal

chaos: install ## ten minutes of load while everything fails; writes chaos.json and docs/chaos.md (SEED, CHAOS_SECONDS)
	@CHAOS_WRITE=1 $(VENV) -m tests.chaos

chaos-short: install ## a minute of the same, which writes nothing (SEED)
	@CHAOS_SECONDS=60 CHAOS_RATE=40 $(VENV) -m tests.chaos

bench: install ## measure this service, stock Celery and a bare loop side by side; bench.json, docs/bench.md
	@$(VENV) -m bench

bench-growth: install ## measure how the cost grows with all that can grow (45 minutes; GROWTH_CURVES: some of them)
	@$(VENV) -m bench.event_cost.growth

bench-transport: install ## measure stock Celery and this transport, and write docs/stock-celery.md (BENCH_EVENTS=3000)
	@$(VENV) -m bench.transport

bench-control: install ## measure what events and remote control cost, and write docs/control.md
	@$(VENV) -m bench.control

bench-closing: install ## close a hundred thousand conversations, and write docs/closing-scale.md
	@$(VENV) -m bench.closing

bench-figures: install ## time the figures on a million conversations, and write docs/figures.md
	@$(VENV) -m bench.figures

up: install ## keep the embedded stack and the whole service running until Ctrl-C (LOAD=20: events a second)
	@$(VENV) -m embedded.up $(if $(LOAD),--load $(LOAD))

lint: install ## lint, formatting, types and import contracts
	$(VENV) -m ruff check
	$(VENV) -m ruff format --check
	$(VENV) -m embedded.environment $(VENV) -m mypy $(PACKAGES)
	.venv/bin/lint-imports

format: install ## format the code and fix what the linter can fix
	$(VENV) -m ruff format
	$(VENV) -m ruff check --fix

COMPILE = $(VENV) -m uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
	--custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

lock: uv ## write requirements/*.txt anew from pyproject.toml (UPGRADE=1 for the newest versions)
	$(COMPILE) requirements/uv.in --output-file requirements/uv.txt
	$(COMPILE) pyproject.toml --output-file requirements/runtime.txt
	$(COMPILE) --no-deps requirements/weni.in --output-file requirements/weni.txt
	$(COMPILE) pyproject.toml --group dev --constraint requirements/runtime.txt \
		--constraint requirements/weni.txt --output-file requirements/dev.txt
	$(COMPILE) requirements/tracing.in --constraint requirements/dev.txt \
		--output-file requirements/tracing.txt
	$(COMPILE) requirements/browser.in --constraint requirements/dev.txt \
		--output-file requirements/browser.txt

clean: ## remove .venv and all caches
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

install: python-is-new-enough
	@$(PYTHON) requirements/bootstrap.py

uv: python-is-new-enough
	@$(PYTHON) requirements/bootstrap.py --tools

.PHONY: python-is-new-enough
python-is-new-enough:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'Python 3.11 or newer is needed, and $(PYTHON) is not.' \
			'Name one: make PYTHON=python3.12 ...' >&2; exit 1; }

endif
