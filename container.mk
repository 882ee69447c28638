# Included by `make ... CONTAINER=docker|podman`: the same targets, run in a container. docs/containers.md says how and why.

ifeq ($(filter docker podman,$(CONTAINER)),)
$(error CONTAINER=$(CONTAINER): give docker or podman)
endif

# Each path appears below /course, so that a relative one stays as it is and none hides a part of the image. Root alone may enter
# /course: what Docker Desktop shares seems to belong to whoever looks, student code's user included.
READY := build/image-$(CONTAINER)
# To become another user in the box, to end what that user runs, and to write into a folder that is yours while root runs.
AS_ROOT := --user 0:0 $(addprefix --cap-add ,SETUID SETGID KILL DAC_OVERRIDE) --tmpfs /course:mode=0700
AS_YOU := --user $(shell id -u):$(shell id -g) --tmpfs /course:mode=0755
# Docker on Linux maps no users, so that what root writes there would be root's; elsewhere root inside is you outside.
CONTAINER_USER ?= $(if $(filter dockerLinux,$(CONTAINER)$(shell uname -s)),you,root)
named_in_toml = $(shell sed -n 's/^$(1) *= *"\([^"]*\)".*/\1/p' "$(ASSIGNMENT)/assignment.toml")
TEMPLATE = $(call named_in_toml,template)
RELATIONS = $(call named_in_toml,relations)
inside = $(if $(filter /%,$(firstword $(1))),/course)$(1)
# A path as one word of a list, absolute and plain: an engine takes no path twice, and Make would break it at its spaces.
space := $(subst ,, )
comma := ,
joined = $(subst $(space),␣,$(1))
path = $(abspath $(if $(filter /%,$(joined)),,$(call joined,$(CURDIR))/)$(joined))
mount = --mount "type=bind,source=$(subst ␣, ,$(1)),target=/course$(subst ␣, ,$(1))$(if $(2),$(comma)$(2))"
ALWAYS = $(call path,$(ASSIGNMENT)) $(call path,$(ASSIGNMENT)/$(TEMPLATE)) \
	$(if $(RELATIONS),$(call path,$(ASSIGNMENT)/$(RELATIONS)))
MOUNTS = $(foreach path,$(filter-out $(WRITES),$(sort $(ALWAYS) $(READS))),$(call mount,$(path),readonly)) \
	$(foreach path,$(WRITES),$(call mount,$(path)))
keep_seed = { test -n "$$GRADER_SEED$(SEED)" || test -s "$(ASSIGNMENT)/.seed" \
	|| (umask 077; od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$(ASSIGNMENT)/.seed"); }
GRADER = $(PREPARE) && $(CONTAINER) run --rm $$(test -t 0 && test -t 1 && echo --interactive --tty) --pull never \
	--network none --cap-drop ALL --security-opt no-new-privileges --pids-limit 4096 --read-only --tmpfs /tmp \
	$(if $(filter you,$(CONTAINER_USER)),$(AS_YOU),$(AS_ROOT)) $(CONTAINER_RUN) --env GRADER_SEED --workdir "/course$(CURDIR)" \
	$(MOUNTS) "$$(cat $(READY))"
grade: PREPARE = mkdir -p "$(OUT)" && $(keep_seed)
similar: PREPARE = mkdir -p "$(OUT)"
grade similar: READS = $(call path,$(SUBMISSIONS))
grade similar: WRITES = $(call path,$(OUT))
selfcheck doctor: PREPARE = true
selfcheck: READS = $(call path,$(NOTEBOOK))
release: PREPARE = mkdir -p dist
release: READS = $(foreach name,README.md Makefile,$(call path,$(dir $(ASSIGNMENT)/$(TEMPLATE))$(name)))
release: WRITES = $(call path,dist)
verify: PREPARE = mkdir -p grades && $(keep_seed)
verify: WRITES = $(call path,grades)

$(READY): Containerfile .dockerignore requirements/run.txt $(shell find grader -type f -not -name '*.pyc')
	@echo "Building the image (once, and after a change) ..."
	@mkdir -p $(@D)
	@$(CONTAINER) build --quiet $(CONTAINER_BUILD) --iidfile $@ --tag grader --file Containerfile . >/dev/null

ifneq ($(shell $(CONTAINER) image inspect --format there "$$(cat $(READY) 2>/dev/null)" 2>/dev/null),there)
.PHONY: $(READY)
endif
