# The commands of this tree; each makes first what it needs.
SHELL := bash
PYTHON := .venv/bin/python
# Tests at once. Those of one file stay on one worker, so that few workers need servers of their own. Tests with servers
# and with timeouts wait for half of their time, so that four workers keep two cores busy.
WORKERS ?= 4
# Documents of `make fuzz`, and cases of `make schedules`.
COUNT ?= 100000
# How many times the usual examples `make laws` takes.
TIMES ?= 100
# One case of `make schedules`, by its seed.
SEED ?=
# More for pytest, such as ARGS='-k kafka' or ARGS=--last-failed, and for benchmarks, such as ARGS='--seconds 3600'.
ARGS ?=

# A process of a test starts from the bytecode that the first one left, whatever the machine's environment says.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup demo test laws fuzz schedules newest pythons check deploy-check sbom bench soak up down clean

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Python environment, servers' jars, PostgreSQL, promtool, the page's packages, chromium; done once
	@scripts/setup

demo: ## from dbt to a graph, on embedded parts; needs only Python
	@scripts/setup --python
	@.venv/bin/headwater demo

test: setup ## all tests, with real servers on loopback
	$(PYTHON) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

laws: setup ## the property tests with a hundred times their usual examples; TIMES=... for more
	EXAMPLES=$(TIMES) $(PYTHON) -m pytest tests/property/test_{laws,oracle,past_of_histories,prune,reconcile}.py \
	  tests/contract/test_as_of.py::test_short_histories tests/browser/test_build.py::test_modules -n $(WORKERS) --timeout 0 $(ARGS)

fuzz: setup ## a hundred thousand broken events, and as many broken HTTP requests; COUNT=... for more
	FUZZ_COUNT=$(COUNT) $(PYTHON) -m pytest tests/fuzz -n $(WORKERS) $(ARGS)

schedules: setup ## a hundred thousand schedules of writers at once, fewer on servers; COUNT=... for more, SEED=... for one
	$(if $(SEED),SCHEDULE_SEED=$(SEED),SCHEDULES=$(COUNT)) $(PYTHON) -m pytest tests/*/test_writers.py -k any_schedule -n $(WORKERS) $(ARGS)

newest: setup ## tests on the newest version of each dependency, in an environment of its own
	@scripts/compatibility newest

pythons: setup ## unit tests on each supported Python that this machine has
	@scripts/compatibility pythons

check: ## lint, format, types, and which package may import which
	@scripts/setup --python
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

deploy-check: ## images, Compose, Kubernetes and the AWS stacks: lint, schemas, settings, security; no engine, no account
	@scripts/setup --deploy
	.cache/deploy/bin/python -m pytest tests/deploy tests/unit/deploy/test_deploy_settings.py -n $(WORKERS) --dist loadfile $(ARGS)

sbom: ## what each image holds of Python, as CycloneDX in dist/
	@scripts/setup --deploy
	@scripts/sbom

bench: setup ## the main benchmark; WHAT=growth, ingest, stages, cost, size, freshness, queries, as_of, serve, http_ingest, page or dbt_v2 for others
	$(PYTHON) -m bench$(if $(WHAT),.$(WHAT)) $(ARGS)

soak: setup ## the service at work for ten minutes, judged; longer with ARGS='--seconds 3600'
	$(PYTHON) -m bench.soak $(ARGS)

up: setup ## a local Kafka and Gremlin Server for development
	@scripts/servers up

down: ## stop them
	@scripts/servers down

clean: down ## remove all that was made here, but not the servers' jars
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist headwater-demo headwater.db headwater.db-shm headwater.db-wal
