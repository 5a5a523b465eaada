# The one door to everything done around the code; CI calls the same recipes.
# A bare machine needs Python 3.11 or newer and make; the peers of `interop` need Go and Node as well.

.DEFAULT_GOAL := help
.PHONY: help venv demo test slow faults check format interop peers planted bench nightly ci clean
SHELL := /bin/bash

# The first interpreter that really starts, is new enough and can make a venv. A pyenv shim may
# exist for a version that is not there, so each candidate is run. `make PYTHON=…` decides instead.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14 /usr/bin/python3; do \
	"$$p" -c 'import ensurepip, venv, sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& { echo "$$p"; break; }; done)
PY := .venv/bin/python
SEED ?= 1

help:
	@echo 'make demo      set everything up and show the main job on a small real dataset'
	@echo 'make test      set everything up and run the unit tests'
	@echo 'make slow      the tests marked slow'
	@echo 'make faults    kills, power cuts, failing disks, flipped bits (JIAOZI_FAULTS=nightly: many)'
	@echo 'make check     format, lint, types, layers'
	@echo 'make peers     get the real peers that interop/ runs against (needs Go, and Node with npm)'
	@echo 'make interop   compare with those peers            (SEED=n)'
	@echo 'make planted   plant known faults, and see the suites go red'
	@echo 'make bench     measure against the peers, rewrite the table of README.md'
	@echo 'make nightly   everything, with more seeds and larger sizes'
	@echo 'make ci        what CI runs: .ci/run'

venv: .venv/ready

.venv/ready: pyproject.toml
	@test -n "$(PYTHON)" || { echo 'make: no Python 3.11 or newer with venv and ensurepip found;' \
		'install one, or name it: make PYTHON=/path/to/python3' >&2; exit 1; }
	@test -x $(PY) || "$(PYTHON)" -m venv .venv
	@echo 'Installing jiaozi and its tools into .venv ($(PYTHON)) …'
	@$(PY) -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1' </dev/null
	@$(PY) -m pip install --quiet --disable-pip-version-check --editable . --group dev </dev/null
	@$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[p2p]' --group dev </dev/null \
		|| echo 'The extra p2p could not be built (it needs gcc and gmp.h; Debian: libgmp-dev): no peers.' >&2
	@touch $@

demo: venv
	@$(PY) -m examples.penguins

test: venv
	$(PY) -m pytest -q -m 'not slow' --ignore=tests/faults

slow: venv
	$(PY) -m pytest -q -m slow --ignore=tests/faults

faults: venv
	$(PY) -m pytest -q tests/faults

check: venv
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	.venv/bin/lint-imports

format: venv
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

peers: venv
	$(PY) -m interop.peers

interop: peers
	JIAOZI_REQUIRE_PEERS=1 $(PY) -m pytest -q interop/kubo --seed $(SEED)
	JIAOZI_REQUIRE_PEERS=1 $(PY) -m pytest -q interop/git --seed $(SEED)
	JIAOZI_REQUIRE_PEERS=1 $(PY) -m pytest -q interop/clients

planted: venv
	$(PY) -m pytest -q interop/planted

bench: peers
	$(PY) -m interop.bench startup
	$(PY) -m interop.bench chunk
	$(PY) -m interop.bench add
	$(PY) -m interop.bench tree
	$(PY) -m interop.bench cat
	$(PY) -m interop.bench vcs
	$(PY) -m interop.bench rpc
	$(PY) -m interop.bench table --write

nightly: check test slow peers planted
	JIAOZI_FAULTS=nightly $(PY) -m pytest -q tests/faults
	for seed in 1 2 3 4 5 6 7 8; do \
		JIAOZI_REQUIRE_PEERS=1 $(PY) -m pytest -q interop/kubo --seed $$seed || exit 1; \
		JIAOZI_REQUIRE_PEERS=1 $(PY) -m pytest -q interop/git --seed $$seed || exit 1; done
	$(PY) -m interop.bench startup --pairs 31
	$(PY) -m interop.bench chunk --pairs 7
	$(PY) -m interop.bench add --pairs 7
	$(PY) -m interop.bench tree --pairs 7
	$(PY) -m interop.bench cat --pairs 7
	$(PY) -m interop.bench growth
	$(PY) -m interop.bench pins
	$(PY) -m interop.bench vcs --pairs 9
	$(PY) -m interop.bench rpc --pairs 5
	$(PY) -m interop.bench rpc-memory
	$(PY) -m interop.bench vcs-large
	$(PY) -m interop.bench dvc
	$(PY) -m interop.bench oxen

ci:
	.ci/run

clean:
	rm -rf .demo .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
