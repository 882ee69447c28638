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
CONTAINER ?=

ifeq ($(CONTAINER),)
READY := $(VENV)/run-ready
GRADER := $(BIN)/grader
inside = $(1)
else ifeq ($(filter docker podman,$(CONTAINER)),)
$(error CONTAINER=$(CONTAINER): give docker or podman)
else
# Each path appears below /course, so that a relative one stays as it is and none hides a part of the image. Root alone may enter
# /course: what Docker Desktop shares seems to belong to whoever looks, student code's user included.
READY := build/image-$(CONTAINER)
# To become another user in the box, to end what that user runs, and to write into a folder that is yours while root runs.
AS_ROOT := --user 0:0 $(addprefix --cap-add ,SETUID SETGID KILL DAC_OVERRIDE) --tmpfs /course:mode=0700
AS_YOU := --user $(shell id -u):$(shell id -g) --tmpfs /course:mode=0755
# Docker on Linux maps no users, so that what root writes there would be root's; elsewhere root inside is you outside.
CONTAINER_USER ?= $(if $(filter dockerLinux,$(CONTAINER)$(shell uname -s)),you,root)
TEMPLATE = $(shell sed -n 's/^template *= *"\([^"]*\)".*/\1/p' "$(ASSIGNMENT)/assignment.toml")
inside = $(if $(filter /%,$(firstword $(1))),/course)$(1)
# A path as one word of a list, absolute and plain: an engine takes no path twice, and Make would break it at its spaces.
space := $(subst ,, )
comma := ,
joined = $(subst $(space),␣,$(1))
path = $(abspath $(if $(filter /%,$(joined)),,$(call joined,$(CURDIR))/)$(joined))
mount = --mount "type=bind,source=$(subst ␣, ,$(1)),target=/course$(subst ␣, ,$(1))$(if $(2),$(comma)$(2))"
ALWAYS = $(call path,$(ASSIGNMENT)) $(call path,$(ASSIGNMENT)/$(TEMPLATE))
MOUNTS = $(foreach path,$(filter-out $(WRITES),$(sort $(ALWAYS) $(READS))),$(call mount,$(path),readonly)) \
	$(foreach path,$(WRITES),$(call mount,$(path)))
keep_seed = { test -n "$$GRADER_SEED$(SEED)" || test -s "$(ASSIGNMENT)/.seed" \
	|| (umask 077; od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$(ASSIGNMENT)/.seed"); }
GRADER = $(PREPARE) && $(CONTAINER) run --rm $$(test -t 0 && test -t 1 && echo --interactive --tty) --pull never \
	--network none --cap-drop ALL --security-opt no-new-privileges --pids-limit 4096 --read-only --tmpfs /tmp \
	$(if $(filter you,$(CONTAINER_USER)),$(AS_YOU),$(AS_ROOT)) $(CONTAINER_RUN) --env GRADER_SEED --workdir "/course$(CURDIR)" \
	$(MOUNTS) "$$(cat $(READY))"
grade: PREPARE = mkdir -p "$(OUT)" && $(keep_seed)
grade: READS = $(call path,$(SUBMISSIONS))
grade: WRITES = $(call path,$(OUT))
selfcheck: PREPARE = true
selfcheck: READS = $(call path,$(NOTEBOOK))
verify: PREPARE = mkdir -p grades && $(keep_seed)
verify: WRITES = $(call path,grades)

$(READY): Containerfile .dockerignore requirements/run.txt $(shell find grader -type f -not -name '*.pyc')
	@echo "Building the image (once, and after a change) ..."
	@mkdir -p $(@D)
	@$(CONTAINER) build --quiet $(CONTAINER_BUILD) --iidfile $@ --tag grader --file Containerfile . >/dev/null

ifneq ($(shell $(CONTAINER) image inspect --format there "$$(cat $(READY) 2>/dev/null)" 2>/dev/null),there)
.PHONY: $(READY)
endif
endif

.DEFAULT_GOAL := help
.PHONY: help grade selfcheck verify test check lint bench gold lock clean distclean

help:  ## list every target
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1@\2/' | column -t -s@ 2>/dev/null \
		|| grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST)
	@echo
	@echo "  make grade SUBMISSIONS=path OUT=path JOBS=n SEED=text      any folder or zip of notebooks"
	@echo "  make selfcheck NOTEBOOK=path                     one notebook"
	@echo "  make grade CONTAINER=docker                      or podman; selfcheck and verify too: docs/containers.md"

grade: $(READY)  ## grade the submissions, write grades/attention/index.html
	@$(GRADER) grade "$(call inside,$(SUBMISSIONS))" --assignment "$(call inside,$(ASSIGNMENT))" --out "$(call inside,$(OUT))" \
		$(if $(JOBS),--jobs $(JOBS)) $(if $(SEED),--seed "$(SEED)")

selfcheck: $(READY)  ## run the public checks on one notebook
	@$(GRADER) selfcheck "$(call inside,$(NOTEBOOK))" --assignment "$(call inside,$(ASSIGNMENT))"

verify: $(READY)  ## full marks for the reference, none for the hand-out, every slip caught and named
	@$(GRADER) verify --assignment "$(call inside,$(ASSIGNMENT))"

test: $(VENV)/dev-ready  ## run the tests
	@$(BIN)/python -m pytest

check: lint test  ## ruff, mypy, import-linter, then the tests

lint: $(VENV)/dev-ready  ## ruff, mypy and import-linter alone
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo 2>/dev/null >$(VENV)/imports.log || { cat $(VENV)/imports.log; exit 1; }

bench: $(VENV)/run-ready  ## CPU and wall time per submission and of naming a slip, next to `import numpy`
	@$(BIN)/python bench/cost.py
	@$(BIN)/python bench/diagnosis.py

gold: $(VENV)/dev-ready  ## accept the pages, and the schema of results, as they are now
	@GOLD=accept $(BIN)/python -m pytest -q tests/test_report.py

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
