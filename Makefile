# The ways to build, check and try linkd. All that is needed is Python 3.11+, git and a package index.
#
# Everything that is installed or remembered here lies in .make/ (the test environment), .venv/ (the
# development environment) and dist/ (what is built). A stamp is remade only when what it stands for
# has changed, by content for sources, so a second `make test` goes straight to the checks.

PYTHON ?= python3
# Two workers suit the smallest machine that this is run on. A file stays with one worker, so that
# an index or a daemon started for the file is started once.
PYTEST_FLAGS ?= -n 2 --dist loadfile

BIN := .make/env/bin
# -qq: a developer's pip configuration may name places that are not there, and pip warns of each.
PIP_FLAGS := -qq --disable-pip-version-check

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test crash differential conformance resolutions docs bench bench-quick lint format types
.PHONY: layers build venv lock upgrade clean FORCE

help: ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

demo: .make/env/.installed ## Set up, start a daemon and run the race of eight clients
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python demo/race.py

# PYTHONSAFEPATH keeps the checkout out of sys.path here and in every process that a test starts:
# what is tested is the installed wheels.
test: lint types layers .make/env/.installed ## Set up, check everything and test the built wheels
	@PATH="$(CURDIR)/$(BIN):$$PATH" PYTHONSAFEPATH=1 $(BIN)/pytest $(PYTEST_FLAGS)

# CRASH may name rounds and a seed. A program of the tests, as for differential.
CRASH ?= 200 1
crash: .make/env/.installed ## Kill requests at every change of the disk, and a daemon hundreds of times
	@rm -rf .make/crash && mkdir -p .make/crash
	@for rename in kernel portable; do \
	  for scenario in install replacing beside upgrade reinstall uninstall sync; do \
	    mkdir .make/crash/$$scenario-$$rename && echo "$$scenario, $$rename" && \
	    PATH="$(CURDIR)/$(BIN):$$PATH" PYTHONPATH="$(CURDIR)" PYTHONDONTWRITEBYTECODE=1 $(BIN)/python -P \
	      -m tests.support.crashing .make/crash/$$scenario-$$rename $$scenario $$rename 1 || exit 1; \
	  done; \
	done
	@PATH="$(CURDIR)/$(BIN):$$PATH" PYTHONPATH="$(CURDIR)" PYTHONDONTWRITEBYTECODE=1 $(BIN)/python -P \
	  -m tests.support.battering "$(CURDIR)/.make/crash/battered" $(CRASH)

# DIFFERENTIAL may be --wheels FOLDER, --repeat PINS, --projects LIST, --python INTERPRETER. The
# checkout is on sys.path here for its tests only: every process started has the installed wheels.
differential: .make/env/.installed ## Compare with pip and uv on hundreds of published wheels (network)
	@PATH="$(CURDIR)/$(BIN):$$PATH" PYTHONPATH="$(CURDIR)" PYTHONDONTWRITEBYTECODE=1 \
	  $(BIN)/python -P -m tests.differential $(DIFFERENTIAL)

# CONFORMANCE may be --new, to measure what has changed only, or --page, to write the page only.
conformance: .make/env/.installed ## Measure pip and uv again and write docs/conformance.md
	@PATH="$(CURDIR)/$(BIN):$$PATH" PYTHONPATH="$(CURDIR)" PYTHONDONTWRITEBYTECODE=1 \
	  $(BIN)/python -P -m tests.conformance $(CONFORMANCE)

docs: .make/env/.installed ## Write docs/errors.md anew from the errors themselves
	@$(BIN)/python -P -m linkd.api.reference > docs/errors.md

# Needed after a change of uv's pin or of tests/cases/resolution/: what uv answers is kept there.
resolutions: .make/env/.installed ## Record anew what uv answers to the resolution cases
	@PYTHONPATH="$(CURDIR)" PYTHONDONTWRITEBYTECODE=1 $(BIN)/python -P -m tests.resolution

# BENCH may be --only WORKS, --files ext4|tmpfs, --folder FOLDER, --write FILE; --help tells all.
bench: .make/env/.installed .make/bench/tools/.installed ## Measure beside uv and pip, write docs/benchmarks.md (network)
	@$(MEASURE) $(BENCH)

bench-quick: .make/env/.installed .make/bench/tools/.installed ## Measure in short, in under three minutes (network)
	@$(MEASURE) --quick $(BENCH)

lint: .make/env/.locked ## Check style and formatting
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { echo "make format puts that right"; exit 1; }

format: .make/env/.locked ## Format the sources and mend what can be mended
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/ruff format --quiet .

# The client runs on Python 3.8. Ruff holds it to that syntax; 3.10 is the oldest that mypy knows.
types: .make/env/.locked ## Check types
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/mypy --no-error-summary --python-version 3.10 --cache-dir .mypy_cache/client client/linkd_client

layers: .make/env/.locked ## Check that imports point down only
	@PYTHONPATH="$(CURDIR):$(CURDIR)/client" $(BIN)/lint-imports --no-logo

build: .make/built ## Build source archives and wheels of both distributions into dist/

venv: .venv/.locked ## Make the development environment .venv with both packages editable

lock: .make/env/.locked ## Renew requirements-dev.lock after a change of dependencies, keeping pins
	@$(COMPILE)

upgrade: .make/env/.locked ## Renew requirements-dev.lock with the newest releases
	@$(COMPILE) --upgrade

clean: ## Remove what was made here, and nothing else
	rm -rf .make .mypy_cache .ruff_cache client/.ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -f dist/linkd-*.whl dist/linkd-*.tar.gz dist/linkd_client-*.whl dist/linkd_client-*.tar.gz
	if [ -d dist ]; then rmdir --ignore-fail-on-non-empty dist; fi
	if [ -e .venv/.locked ]; then rm -rf .venv; fi

# Where the packages came from is each machine's own business and stays out of the lock.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --group dev --no-emit-package linkd-client --no-emit-index-url --no-emit-find-links \
  --no-emit-index-annotation --custom-compile-command "make lock" \
  --output-file requirements-dev.lock pyproject.toml

# As for differential, the checkout is there for the benchmarks' own sources only.
MEASURE = PATH="$(CURDIR)/$(BIN):$$PATH" PYTHONPATH="$(CURDIR)" PYTHONDONTWRITEBYTECODE=1 \
  $(BIN)/python -P -m tests.benchmarks --peers .make/bench/tools/bin

FORCE:

# The interpreter that the environments are made from; changes when python3 becomes another one.
.make/python: FORCE
	@mkdir -p .make
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("linkd needs Python 3.11 or newer; $(PYTHON) is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make environments; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; print(sys.version, sys.base_prefix)' > .make/python.new
	@cmp -s .make/python.new .make/python && rm .make/python.new || mv .make/python.new .make/python

.make/lock: FORCE
	@mkdir -p .make
	@cmp -s requirements-dev.lock .make/lock || cp requirements-dev.lock .make/lock

# The sources that wheels are made of, by content: a rebase or a new clone does not make them new.
.make/sources: FORCE
	@mkdir -p .make
	@find linkd client pyproject.toml README.md LICENSE CHANGELOG.md docs deploy -name __pycache__ -prune \
	  -o -type f -exec sha256sum {} + | LC_ALL=C sort -k 2 > .make/sources.new
	@cmp -s .make/sources.new .make/sources && rm .make/sources.new || mv .make/sources.new .make/sources

.make/env/.locked: .make/python .make/lock
	@echo "Setting up the test environment"
	@$(PYTHON) -m venv --clear .make/env
	@$(BIN)/python -m pip install $(PIP_FLAGS) --require-hashes -r requirements-dev.lock
	@touch .make/env/.locked

.make/built: .make/env/.locked .make/sources
	@echo "Building"
	@rm -f dist/linkd-*.whl dist/linkd-*.tar.gz dist/linkd_client-*.whl dist/linkd_client-*.tar.gz
	@$(BIN)/python -m build --no-isolation --outdir dist . > .make/build.log 2>&1 || { cat .make/build.log; exit 1; }
	@$(BIN)/python -m build --no-isolation --outdir dist client > .make/build.log 2>&1 || { cat .make/build.log; exit 1; }
	@touch .make/built

.make/env/.installed: .make/built
	@$(BIN)/python -m pip install $(PIP_FLAGS) --no-index --no-deps --force-reinstall dist/linkd-*.whl dist/linkd_client-*.whl
	@$(BIN)/python -m pip check -q --disable-pip-version-check
	@touch .make/env/.installed

# What linkd is measured beside: the newest that there are.
.make/bench/tools/.installed: .make/python
	@echo "Setting up uv and pip to measure beside"
	@$(PYTHON) -m venv --clear .make/bench/tools
	@.make/bench/tools/bin/python -m pip install $(PIP_FLAGS) --upgrade pip uv
	@touch .make/bench/tools/.installed

.venv/.locked: .make/python .make/lock pyproject.toml client/pyproject.toml
	@echo "Setting up .venv"
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install $(PIP_FLAGS) --require-hashes -r requirements-dev.lock
	@.venv/bin/python -m pip install $(PIP_FLAGS) --no-index --no-deps --no-build-isolation -e . -e ./client
	@touch .venv/.locked
