# SPDX-License-Identifier: Apache-2.0
# One door to everything; each target does its own set-up and needs Python 3.11 or later, nothing else.

BIN := .venv/bin
BUILD := tools/set_up.sh tools/vendor.py package-lock.json requirements/browser.lock pyproject.toml hatch_build.py \
	$(wildcard src/vigie/kernels/*.[ch]) src/vigie/kernels/build.py \
	tools/messages.py $(wildcard src/vigie_node/locale/*/LC_MESSAGES/django.po)

.PHONY: help run test lint check bench bench-robustness soak messages docs lock clean

help:
	@echo "make run               a node on this machine, with a benign demonstration catalogue (its home: var)"
	@echo "make test              every test"
	@echo "make lint              format, lint, types, import contracts"
	@echo "make check             the same, and the tests of the architecture"
	@echo "make bench             speed and memory beside the peers, in one table"
	@echo "make bench-robustness  which altered copies are still found, at which false-match rate"
	@echo "make soak              interrupted scans, hostile files, a node killed under load: in full"
	@echo "                       (these three take ARGS: make bench ARGS=--quick; ARGS=--docs writes the page)"
	@echo "make messages          bring new words of the pages into the translations"
	@echo "make docs              write again the reference pages that come from the code"
	@echo "make lock              resolve the dependencies again"

.venv/.run: requirements/run.lock $(BUILD)
	@sh tools/set_up.sh run

.venv/.dev: requirements/dev.lock requirements/run.lock $(BUILD)
	@sh tools/set_up.sh dev

run: .venv/.run
	VIGIE_HOME=$(or $(VIGIE_HOME),var) exec $(BIN)/vigie-node demo

# Most tests wait for processes, browsers and databases: each core takes a file at a time.
PARALLEL := --numprocesses auto --dist loadfile

# What a database decides is tried on both that a node may have.
test: .venv/.dev
	$(BIN)/pytest $(PARALLEL) tests/node --database=postgres
	$(BIN)/pytest $(PARALLEL)

lint: .venv/.dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint
	$(BIN)/pytest $(PARALLEL) tests/architecture

bench: .venv/.dev
	$(BIN)/python -m bench $(ARGS)

bench-robustness: .venv/.dev
	$(BIN)/python -m bench.robustness $(ARGS)

soak: .venv/.dev
	$(BIN)/python -m bench.soak $(ARGS)

messages: .venv/.dev
	$(BIN)/python tools/messages.py

docs: .venv/.dev
	$(BIN)/python tools/reference.py

# Neither hosts nor paths are written: each machine installs from the index that it is told to use.
LOCK := $(BIN)/uv pip compile --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-header --no-emit-index-url --no-emit-find-links --quiet
lock: .venv/.dev
	$(LOCK) pyproject.toml --extra node --group build --output-file requirements/run.lock
	$(LOCK) pyproject.toml --extra node --group dev --constraint requirements/run.lock \
		--output-file requirements/dev.lock
	$(LOCK) --group browser --output-file requirements/browser.lock
	npm install --package-lock-only --ignore-scripts

clean:
	rm -rf .venv node_modules src/vigie_node/static/vendor
