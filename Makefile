# `make help` lists the targets. They work from any folder: make -C DIR, make -f DIR/Makefile.
MAKEFILE := $(MAKEFILE_LIST)
ROOT := $(shell cd "$$(dirname -- "$$(echo '$(MAKEFILE)' | sed 's/^ //')")" && pwd -P)

.DEFAULT_GOAL := help
# All targets that `make help` lists.
TARGETS := $(shell sed -n 's/^\([a-z-]*\):.* ## .*/\1/p' '$(ROOT)/Makefile')
.PHONY: $(TARGETS) uv

# The interpreter that .venv is made from.
PYTHON ?= python3

ifneq ($(CURDIR),$(ROOT))

$(TARGETS):
	@$(MAKE) --no-print-directory -C '$(ROOT)' $@

else

VENV := .venv/bin/python
PACKAGES := celery_sqs_fifo config tasks operations observability apps embedded testbed demo bench docsite releasing tests \
	manage.py requirements/bootstrap.py

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1~\2/p' Makefile | awk -F'~' '{ printf "%-21s %s\n", $$1, $$2 }'

demo: install ## run the service end to end on an embedded stack and check the result (DEMO_EVENTS=1000)
	@$(VENV) -m demo

# The parts of `make check`. Each prints one line if it passes, and its whole output if it fails.
CHECKS := check-lint check-format check-types check-contracts check-unit
check-lint: RUN = $(VENV) -m ruff check
check-format: RUN = $(VENV) -m ruff format --check
check-types: RUN = $(VENV) -m embedded.environment $(VENV) -m mypy $(PACKAGES)
check-contracts: RUN = .venv/bin/lint-imports
check-unit: RUN = $(VENV) -m pytest tests/unit tests/simulation --numprocesses 3 --dist worksteal --quiet

.PHONY: $(CHECKS)
$(CHECKS):
	@output=$$(mktemp) && begun=$$(date +%s) && \
	if $(RUN) >"$$output" 2>&1; then status=0; else status=$$?; fi; \
	if [ $$status = 0 ]; then echo "passed: $(@:check-%=%) ($$(($$(date +%s) - begun)) s)"; \
	else { echo "FAILED: $(@:check-%=%)"; cat "$$output"; } >&2; fi; \
	rm -f "$$output"; exit $$status

check: install ## check lint, format, types, import contracts and unit tests in parallel (a minute)
	@$(MAKE) --no-print-directory --keep-going --jobs $(words $(CHECKS)) $(CHECKS)

WITH_SERVERS := tests/e2e tests/contract tests/histories tests/integration

test: check ## run make check, then the integration and end-to-end tests that are not slow
	# Most end-to-end tests wait, and need little CPU. They are the longest, so they begin first.
	$(VENV) -m pytest $(WITH_SERVERS) -m 'not slow' --numprocesses 6 --dist worksteal

# The folders of the tests that `make test-slow` runs.
SLOW ?= $(WITH_SERVERS)
test-slow: install ## run the tests that wait for real time-outs, start many programs or fill tables
	$(VENV) -m pytest $(SLOW) -m slow --numprocesses 8 --dist worksteal

coverage: install ## measure the branch coverage of the service and the library by the unit and integration tests
	$(VENV) -m pytest tests/unit tests/simulation tests/integration --numprocesses 4 --dist worksteal --cov --cov-report term

contract: install ## write docs/contract/: the JSON Schemas, the AsyncAPI document and the table of shapes
	@$(VENV) -m embedded.environment $(VENV) manage.py events schema --write docs/contract
	CONTRACT_WRITE=1 $(VENV) -m pytest tests/contract

messages: install ## update config/locale from the code, compile it, and list what is not translated
	@$(VENV) -m embedded.environment $(VENV) -m tests.catalogues

test-unit: install ## run the tests that need no server
	$(VENV) -m pytest tests/unit tests/simulation

test-long: install ## simulate 2,000 random schedules, run 5,000 histories, and end-to-end tests with batches of one event
	HYPOTHESIS_PROFILE=long $(VENV) -m pytest tests/simulation
	HISTORIES=5000 HISTORIES_FROM=1000 $(VENV) -m tests.histories
	BATCHES_OF_ONE=1 $(VENV) -m pytest tests/e2e -k 'single' --numprocesses 6 --dist worksteal

histories: install ## run random histories on all cores (HISTORIES=100000, HISTORIES_FROM=0, JOBS)
	@$(VENV) -m tests.histories

fuzz: install ## read bodies that a coverage-guided fuzzer makes, for a minute (FUZZ_SECONDS)
	@$(VENV) -m uv pip install --quiet --python $(VENV) --require-hashes --requirement requirements/fuzzing.txt
	$(VENV) -m embedded.environment $(VENV) -m tests.fuzzing

test-browser: install ## test the console and the lists with headless Chromium; screenshots in tests/browser/screenshots
	@$(VENV) -m tests.browser.chromium
	@$(VENV) -m uv pip install --quiet --python $(VENV) --require-hashes --requirement requirements/browser.txt
	$(VENV) -m pytest tests/browser

test-pgbouncer: install ## test the service behind the real PgBouncer, in both modes (apt-get install pgbouncer)
	@$(VENV) -m tests.support.system_programs pgbouncer
	$(VENV) -m pytest tests/pgbouncer --numprocesses 2 --dist worksteal

test-prometheus: install ## test the alerts and the dashboard with a real Prometheus (apt-get install prometheus)
	@$(VENV) -m tests.support.system_programs prometheus promtool
	@$(VENV) -m uv pip install --quiet --python $(VENV) --require-hashes --requirement requirements/grafana.txt
	$(VENV) -m pytest tests/prometheus

postgres-matrix: install ## test the service on PostgreSQL 14 to 18 (POSTGRES_VERSIONS="14 18", JOBS=4)
	@$(VENV) -m tests.postgres_matrix

test-spreadsheets: install ## open the CSV files with LibreOffice in English and Portuguese (apt-get install libreoffice-calc)
	@$(VENV) -m tests.spreadsheets.libreoffice
	$(VENV) -m pytest tests/spreadsheets

mutants: install ## check that a test fails for each faulty change in a catalogue (MUTANTS=text, JOBS)
	@$(VENV) -m tests.mutants

# The linter of migrations is a program in a wheel.
SQUAWK := $(VENV) -m uv pip install --quiet --python $(VENV) --require-hashes \
	--requirement requirements/upgrading.txt

lint-migrations: install ## find migrations since the previous release that lock tables or break its workers
	@$(SQUAWK)
	@$(VENV) -m tests.upgrade.previous
	$(VENV) -m pytest tests/upgrade -m 'not slow'

test-upgrade: install ## lint migrations, and upgrade from the previous release and back under load
	@$(SQUAWK)
	@$(VENV) -m tests.upgrade.previous
	$(VENV) -m pytest tests/upgrade --numprocesses 2 --dist worksteal

release: install ## make the wheel, the SBOM, the list of licences and the tag of the version (DRY_RUN=1: no tag)
	@$(VENV) -m releasing

test-release: install ## make a release of a copy of this repository
	$(VENV) -m pytest tests/releasing

foreign: install ## run the service on SQS and DynamoDB servers of others, and PgBouncer (SERVERS, SEED, PUBLISH)
	@$(VENV) -m tests.support.system_programs pgbouncer
	@$(VENV) -m tests.foreign

deploy-check-aws: install ## check the CloudFormation template, and run the service on what it creates
	@$(VENV) -m tests.deploy.packages
	$(VENV) -m pytest tests/deploy/aws --numprocesses 2 --dist worksteal

test-chaos: install ## kill workers and beat at every step of closing, and stop PostgreSQL for a minute
	$(VENV) -m pytest tests/chaos --numprocesses 2 --dist worksteal

restore-drill: install ## restore PostgreSQL to a minute ago under load, and account for every event (RESTORE_RATE, SEED)
	@$(VENV) -m tests.restore

# With PUBLISH=1: three runs of 16 minutes, with seeds that follow from the commit, into docs/.
chaos: install ## run 13 minutes of load while everything fails, into results/chaos.md (SEED, CHAOS_SECONDS, PUBLISH)
	@CHAOS_WRITE=1 $(VENV) -m tests.chaos

chaos-short: install ## run a minute of chaos, without writing results (SEED)
	@CHAOS_SECONDS=60 CHAOS_RATE=40 $(VENV) -m tests.chaos

# Benchmarks write a page and a JSON file into results/, which git ignores; with PUBLISH=1 into docs/.
bench: install ## measure this service and what others would use instead, into results/bench.md (PUBLISH=1: docs/)
	@$(VENV) -m bench.event_cost

bench-growth: install ## measure how the cost of an event grows, for 45 minutes, into results/growth.md (GROWTH_CURVES, PUBLISH)
	@$(VENV) -m bench.growth

bench-transport: install ## measure stock Celery and this transport, into results/stock-celery.md (BENCH_EVENTS=3000, PUBLISH)
	@$(VENV) -m bench.transport

bench-control: install ## measure the cost of worker events and remote control, into results/control.md (PUBLISH)
	@$(VENV) -m bench.control

bench-closing: install ## measure closing a hundred thousand conversations, into results/closing-scale.md (PUBLISH)
	@$(VENV) -m bench.closing

bench-figures: install ## time the console's figures with a million conversations, into results/figures.md (PUBLISH)
	@$(VENV) -m bench.figures

bench-retention: install ## measure retention on a million conversations, into results/retention.md (BENCH_CONVERSATIONS, PUBLISH)
	@$(VENV) -m bench.retention

bench-entries: install ## measure write units, bytes and CPU of stored messages, into results/entries.md (PUBLISH)
	@$(VENV) -m bench.entries

image: install ## build the image without an engine, run its programs and the unit tests in it (EXTRAS)
	@$(VENV) -m uv pip install --quiet --python $(VENV) --require-hashes --requirement requirements/image.txt
	@$(VENV) -m tests.image

up: install ## run the embedded stack and the whole service until Ctrl-C (LOAD=20: events a second; KEEP=1: keep the data)
	@$(VENV) -m embedded.up $(if $(LOAD),--load $(LOAD)) $(if $(filter-out 0,$(KEEP)),--keep)

drill: install ## list the outages that you can rehearse on a running make up (DRILL=name runs one)
	@$(VENV) -m testbed.drills

screenshots: install ## save screenshots of the main pages in all languages, sizes and colours in tests/browser/screenshots
	@$(VENV) -m tests.browser.chromium
	@$(VENV) -m uv pip install --quiet --python $(VENV) --require-hashes --requirement requirements/browser.txt
	$(VENV) -m pytest tests/browser/in_all_languages.py

docs: install ## build the documentation as a site, in results/site, and check its links
	@$(VENV) -m docsite

docs-screenshots: install ## make the screenshots that the next make docs shows, with headless Chromium
	@$(VENV) -m tests.browser.chromium
	@$(VENV) -m uv pip install --quiet --python $(VENV) --require-hashes --requirement requirements/browser.txt
	$(VENV) -m pytest tests/browser -k 'desktop and (every_list or details or legible)'

deploy-check: deploy-check-aws deploy-check-helm ## check the template for AWS and the chart for Kubernetes in deploy/

deploy-check-helm: install ## render and validate the Helm chart
	@$(VENV) -m uv pip install --quiet --python $(VENV) --require-hashes --requirement requirements/helm.txt
	$(VENV) -m pytest tests/helm

lint: install ## check lint, format, types and import contracts
	@$(MAKE) --no-print-directory --keep-going --jobs $(words $(CHECKS)) $(filter-out check-unit,$(CHECKS))

format: install ## format the code and fix what the linter can fix
	$(VENV) -m ruff format
	$(VENV) -m ruff check --fix

COMPILE = $(VENV) -m uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
	--custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

lock: uv ## write requirements/*.txt from pyproject.toml (UPGRADE=1 for the newest versions)
	$(COMPILE) requirements/uv.in --output-file requirements/uv.txt
	$(COMPILE) pyproject.toml --output-file requirements/runtime.txt
	$(COMPILE) --no-deps requirements/weni.in --output-file requirements/weni.txt
	$(COMPILE) pyproject.toml --group dev --constraint requirements/runtime.txt \
		--constraint requirements/weni.txt --output-file requirements/dev.txt
	$(COMPILE) requirements/tracing.in --constraint requirements/dev.txt \
		--output-file requirements/tracing.txt
	$(COMPILE) requirements/parquet.in --constraint requirements/dev.txt \
		--output-file requirements/parquet.txt
	$(COMPILE) requirements/browser.in --constraint requirements/dev.txt \
		--output-file requirements/browser.txt
	$(COMPILE) requirements/grafana.in --output-file requirements/grafana.txt
	$(COMPILE) requirements/helm.in --constraint requirements/dev.txt --output-file requirements/helm.txt
	$(COMPILE) requirements/fuzzing.in --output-file requirements/fuzzing.txt
	$(COMPILE) requirements/foreign.in --output-file requirements/foreign.txt
	$(COMPILE) requirements/postgres.in --output-file requirements/postgres.txt
	$(COMPILE) requirements/upgrading.in --output-file requirements/upgrading.txt
	$(COMPILE) requirements/releasing.in --output-file requirements/releasing.txt
	$(COMPILE) requirements/docs.in --output-file requirements/docs.txt
	$(COMPILE) requirements/deploy.in --output-file requirements/deploy.txt
	$(COMPILE) requirements/image.in --constraint requirements/dev.txt \
		--output-file requirements/image.txt
	$(COMPILE) requirements/bench.in --constraint requirements/dev.txt \
		--output-file requirements/bench.txt

clean: ## remove .venv, .foreign, .bench, .docsite, .image, .postgres, .deploy, .upgrade, .release, results/ and all caches
	rm -rf results .venv .foreign .bench .docsite .image .postgres .deploy .upgrade .release .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

install: python-is-new-enough ## install the packages of development into .venv
	@$(PYTHON) requirements/bootstrap.py

uv: python-is-new-enough
	@$(PYTHON) requirements/bootstrap.py --tools

.PHONY: python-is-new-enough
python-is-new-enough:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'Python 3.11 or newer is needed, and $(PYTHON) is not.' \
			'Name one: make PYTHON=python3.12 ...' >&2; exit 1; }

endif
