# `make help` lists everything. Nothing has to be installed first but Python 3.11 or newer and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

ASSIGNMENT ?= reference/attention
SUBMISSIONS ?= submissions/attention
OUT ?= grades/$(notdir $(ASSIGNMENT:/=))
NOTEBOOK ?= student_template/attention/attention.ipynb
JOBS ?=
SEED ?=
RESUME ?=
WEAK ?=
ANONYMOUS ?=
CONTAINER ?=
QUICK ?=
EVEN_SHORT ?=
WATCH ?=
MUTANTS ?=
MINUTES ?=

READY := $(VENV)/run-ready
GRADER := $(BIN)/grader
inside = $(1)
yes = $(filter-out no 0,$(1))
ifneq ($(CONTAINER),)
include container.mk
endif

.DEFAULT_GOAL := help
.PHONY: help grade selfcheck release verify doctor similar test fuzz check lint bench gold screenshots lock clean distclean

help:  ## list every target
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1@\2/' | column -t -s@ 2>/dev/null \
		|| grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST)
	@echo
	@echo "  make grade SUBMISSIONS=path OUT=path JOBS=n SEED=text      any folder or zip of notebooks"
	@echo "  make grade RESUME=yes                            only what a broken run has left"
	@echo "  make grade ANONYMOUS=yes                         also a class page without names"
	@echo "  make grade WEAK=yes                              behind less than the assignment asks for; see make doctor"
	@echo "  make selfcheck NOTEBOOK=path                     one notebook"
	@echo "  make grade CONTAINER=docker                      or podman; selfcheck, release, verify, doctor too: docs/containers.md"

grade: $(READY)  ## grade the submissions, write grades/attention/index.html
	@$(GRADER) grade "$(call inside,$(SUBMISSIONS))" --assignment "$(call inside,$(ASSIGNMENT))" --out "$(call inside,$(OUT))" \
		$(if $(JOBS),--jobs $(JOBS)) $(if $(SEED),--seed "$(SEED)") $(if $(call yes,$(RESUME)),--resume) \
		$(if $(call yes,$(WEAK)),--allow-weak-sandbox) $(if $(call yes,$(ANONYMOUS)),--anonymous)

selfcheck: $(READY)  ## run the public checks on one notebook; NOTEBOOK=path, WATCH=yes
	@$(GRADER) selfcheck "$(call inside,$(NOTEBOOK))" --assignment "$(call inside,$(ASSIGNMENT))" \
		$(if $(call yes,$(WATCH)),--watch)

release: $(READY)  ## build the zip that students get: dist/attention-student.zip
	@$(GRADER) release --assignment "$(call inside,$(ASSIGNMENT))"

verify: $(READY)  ## full marks for the reference, none for the hand-out, every slip caught and named
	@$(GRADER) verify --assignment "$(call inside,$(ASSIGNMENT))"

doctor: $(READY)  ## what the sandbox is made of on this machine, and how to get what is missing
	@$(GRADER) doctor --assignment "$(call inside,$(ASSIGNMENT))"

similar: $(READY)  ## list hand-ins whose code is much alike, for a person to judge; EVEN_SHORT=yes
	@$(GRADER) similar "$(call inside,$(SUBMISSIONS))" --assignment "$(call inside,$(ASSIGNMENT))" --out "$(call inside,$(OUT))" \
		$(if $(JOBS),--jobs $(JOBS)) $(if $(call yes,$(EVEN_SHORT)),--even-short)

test: $(VENV)/dev-ready  ## run the tests; QUICK=yes leaves out attacks and browser
	@$(BIN)/python -m pytest $(if $(call yes,$(QUICK)),-m "not slow")

fuzz: $(VENV)/dev-ready  ## 100,000 spoilt frames and notebooks; MUTANTS=n SEED=text MINUTES=n
	@$(BIN)/python -m tests.fuzz $(if $(MUTANTS),--count $(MUTANTS)) $(if $(SEED),--seed "$(SEED)") $(if $(MINUTES),--minutes $(MINUTES))

check: lint test  ## ruff, mypy, import-linter, then the tests

lint: $(VENV)/dev-ready  ## ruff, mypy and import-linter alone
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo 2>/dev/null >$(VENV)/imports.log || { cat $(VENV)/imports.log; exit 1; }

bench: $(VENV)/dev-ready  ## CPU per submission, of naming a slip and of a page, next to `import numpy`
	@$(BIN)/python bench/cost.py
	@$(BIN)/python bench/diagnosis.py
	@$(BIN)/python bench/walls.py
	@$(BIN)/python bench/pages.py
	@$(BIN)/python bench/class_page.py

gold: $(VENV)/dev-ready  ## accept the pages, and the schema of results, as they are now
	@GOLD=accept $(BIN)/python -m pytest -q tests/test_report.py

screenshots: $(VENV)/dev-ready  ## pictures of every kind of page, wide and narrow, light and dark
	@$(BIN)/python -m tests.screenshots

lock: $(VENV)/dev-ready  ## resolve the dependencies anew (needs uv)
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		pyproject.toml --group install -o requirements/run.txt
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		pyproject.toml --group install --group dev -o requirements/dev.txt

clean:  ## remove results and caches
	@rm -rf grades dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find grader reference tests bench -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean  ## also remove the virtual environment
	@rm -rf $(VENV)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name it: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Setting up .venv (once) ..."
	@$(PYTHON) -m venv $(VENV) \
		|| { rm -rf $(VENV); echo "python3 -m venv failed; on Debian and Ubuntu: sudo apt install python3-venv"; exit 1; }

# dev.txt holds all of run.txt, so a venv that is ready for tests is ready to grade.
$(VENV)/run-ready: requirements/run.txt pyproject.toml | $(VENV)/bin/python
	@if [ $(VENV)/dev-ready -nt requirements/dev.txt ]; then :; else $(call install,run); fi
	@touch $@

$(VENV)/dev-ready: requirements/dev.txt pyproject.toml | $(VENV)/bin/python
	@$(call install,dev)
	@touch $@

define install
$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r requirements/$(1).txt \
	&& $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps --no-build-isolation -e .
endef
