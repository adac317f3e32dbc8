# The commands of this tree; each makes first what it needs.
SHELL := bash
PYTHON := .venv/bin/python
# Tests at once. Those of one file stay on one worker, so that few workers need servers of their own.
WORKERS ?= 2
# More for pytest, such as ARGS='-k kafka' or ARGS=--last-failed.
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench up down clean

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Python environment, servers' jars, PostgreSQL; done once
	@scripts/setup

demo: ## from dbt to a graph, on embedded parts; needs only Python
	@scripts/setup --python
	@.venv/bin/headwater demo

test: setup ## all tests, with real servers on loopback
	$(PYTHON) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: ## lint, format, types, and which package may import which
	@scripts/setup --python
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

bench: setup ## benchmarks
	$(PYTHON) -m bench

up: setup ## a local Kafka and Gremlin Server for development
	@scripts/servers up

down: ## stop them
	@scripts/servers down

clean: down ## remove all that was made here, but not the servers' jars
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
