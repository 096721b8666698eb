.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Your settings, laid over config.yaml: make generate CONFIG=my.yaml OUT=build/mine
CONFIG ?=
OUT ?=
# Tests mostly wait, so six workers suit two cores; PARALLEL= runs one test after the other.
PARALLEL ?= --numprocesses=6 --dist=loadgroup --no-loadscope-reorder
# What `make test-compat` runs, and on the programs of which suites of Debian.
SUITES ?= bookworm trixie sid
TESTS ?= tests
# What `make test-cache` runs the tests of caches on: suites of Debian, and their packages.
CACHES ?= bookworm/redis trixie/redis sid/redis trixie/valkey sid/valkey
# How many random configurations and streams of alerts `make test-compat` compares its Alertmanagers
# and their model on.
CASES ?= 500
# What `make test-ray` installs; remove .venv-ray to try another.
RAY ?= ray[serve]
# The demo runs in the environment of the tests if there is one.
DEMO_VENV = $(if $(wildcard $(VENV)/.installed),$(VENV),.venv-demo)
RAY_VENV := .venv-ray
# The Prometheus that `make test-otlp` builds, beside a Collector.
OTLP ?= 3.16.0
OTLP_TOOLS := .tools-otlp-$(OTLP)
# The control plane that `make test-kubernetes` builds.
KUBERNETES ?= 1.37.2
KUBERNETES_TOOLS := .tools-kubernetes-$(KUBERNETES)
WORKERS_VENV := .venv-workers
EVENTLET_VENV := .venv-eventlet
PREFECT_VENV := .venv-prefect
DAGSTER_VENV := .venv-dagster
# What kills servers over and over; `make test` runs ten kills of it.
LONG := tests/chaos tests/receiver/test_worker_takeover.py tests/receiver/store/test_database_postgresql.py
# How often `make chaos` kills a receiver, and the seed of its chance; empty: the usual one.
KILLS ?= 100
SEED ?=
# How long `make signal` watches each healthy service; empty: as docs/signal.md has it.
WEEKS ?=
# Else each worker of pytest, and each server that a test starts, compiles all modules anew.
unexport PYTHONDONTWRITEBYTECODE
overlays = $(foreach file,$(CONFIG),--config $(file))
options = $(overlays) $(if $(OUT),--out $(OUT))

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-13s %s\n", $$1, $$2}'

.PHONY: demo
demo: $(DEMO_VENV)/.installed ## Run the whole chain through an incident (DEMO_EXIT=1: end when it is over)
	@$(call fetch_tools,$(DEMO_VENV)/bin)
	@$(DEMO_VENV)/bin/featurewatch demo $(overlays)

.PHONY: test
test: tools servers ## Run lint, types, the check of generated files, and all tests
	@$(MAKE) --no-print-directory --jobs=4 --output-sync=target lint types check compiled
	$(BIN)/pytest $(PARALLEL)

# What one process compiles of the tests, the workers of pytest need not.
.PHONY: compiled
compiled: venv ## Compile the tests, once for all workers of pytest
	@said=$$($(BIN)/pytest --collect-only --quiet 2>&1) || { echo "$$said" | tail -n 40; exit 1; }

.PHONY: chaos
chaos: tools .tools-redis ## Kill receivers a hundred times under load, and break their surroundings (KILLS=500 SEED=7)
	CHAOS_KILLS=$(KILLS) $(if $(SEED),CHAOS_SEED=$(SEED)) $(BIN)/pytest $(LONG) -rP

.PHONY: test-compat
test-compat: venv servers ## Run all tests on each pair of Debian (SUITES="trixie sid", TESTS=tests/rules)
	@CHAOS_KILLS=12 ALERTMANAGER_CASES=$(CASES) scripts/test-compat.sh $(BIN)/pytest "$(SUITES)" $(PARALLEL) $(TESTS)

.PHONY: test-cache
test-cache: venv ## Run the tests of caches on Redis 7 and 8, Valkey 8 and 9 (CACHES="sid/valkey")
	@scripts/test-cache.sh $(BIN)/pytest "$(CACHES)" tests/receiver/backends/redis

.PHONY: test-ray
test-ray: tools $(RAY_VENV)/.installed ## Run the tests on a real Ray Serve (RAY="ray[serve]==2.60.0")
	@scripts/alone.sh $(BIN)/pytest tests/ray_serve

.PHONY: test-otlp
test-otlp: tools $(OTLP_TOOLS)/usr/bin/prometheus $(OTLP_TOOLS)/usr/bin/otelcol ## Run the tests with OpenTelemetry on a Prometheus built by Go (OTLP=3.16.0)
	FEATUREWATCH_TOOLS=$(OTLP_TOOLS) $(BIN)/pytest tests/otel/test_ways.py tests/otel/test_native_histograms.py

$(OTLP_TOOLS)/usr/bin/prometheus:
	@echo "building Prometheus $(OTLP) into $(OTLP_TOOLS), some minutes"
	@scripts/build-prometheus.sh $(OTLP_TOOLS) $(OTLP)

$(OTLP_TOOLS)/usr/bin/otelcol:
	@echo "building a Collector into $(OTLP_TOOLS), some minutes"
	@scripts/build-otelcol.sh $(OTLP_TOOLS)

.PHONY: test-kubernetes
test-kubernetes: venv $(KUBERNETES_TOOLS)/usr/bin/kwok ## Run the backend on a control plane that Go builds, of KWOK's pods (KUBERNETES=1.37.2)
	PYTHONPATH=tests $(BIN)/python -m control_plane $(KUBERNETES_TOOLS) \
	  $(BIN)/pytest tests/control_plane tests/receiver/backends/kubernetes/test_kube_api.py

$(KUBERNETES_TOOLS)/usr/bin/kwok: scripts/build-kubernetes.sh
	@echo "building Kubernetes $(KUBERNETES) into $(KUBERNETES_TOOLS), up to an hour"
	@scripts/build-kubernetes.sh $(KUBERNETES_TOOLS) $(KUBERNETES)
	@touch $@

.PHONY: test-clients
test-clients: tools servers .tools-clients .tools-loggers ## Run real clients and servers, of Go, Node.js and Java too
	FEATUREWATCH_CLIENTS_TABLE=write $(BIN)/pytest -m "clients or not clients" tests/exporter_clients

# Only this installs the servers with workers that the library is tried in.
.PHONY: test-workers
test-workers: servers $(WORKERS_VENV)/.installed $(EVENTLET_VENV)/.installed ## Run the library in uWSGI, granian, gevent, eventlet and Celery
	CLIENTS_PYTHON=$(WORKERS_VENV)/bin/python EVENTLET_PYTHON=$(EVENTLET_VENV)/bin/python $(BIN)/pytest tests/exporter_workers -m workers

.PHONY: test-trainers
test-trainers: $(PREFECT_VENV)/.installed $(DAGSTER_VENV)/.installed ## Start training runs in a real Prefect and a real Dagster
	PREFECT_PYTHON=$(PREFECT_VENV)/bin/python DAGSTER_PYTHON=$(DAGSTER_VENV)/bin/python $(BIN)/pytest tests/receiver/backends/trainers -m trainers

.PHONY: generate
generate: venv ## Write rules, Alertmanager configuration, dashboards (CONFIG=my.yaml OUT=folder)
	@$(BIN)/featurewatch generate $(options)

.PHONY: check
check: venv ## Fail when a generated file is stale, or the configuration as a whole is not sound
	@$(if $(OUT),,$(if $(CONFIG),:)) $(BIN)/featurewatch generate --check $(options)
	@$(BIN)/featurewatch check $(overlays)

.PHONY: wheels
wheels: venv ## Build the wheels of the library, the receiver and the kit into dist
	@scripts/make-wheels.sh $(BIN)/python dist
	@ls dist

.PHONY: bench
bench: tools ## Measure what featurewatch costs (ONLY=rules: that subject alone)
	@$(BIN)/python -m bench $(if $(ONLY),--only $(ONLY))

.PHONY: signal
signal: venv ## Count false alerts and delays by simulation (CONFIG=my.yaml, WEEKS=1: quick; else docs/signal.md)
	@PYTHONPATH=tests $(BIN)/python -m simulator $(overlays) $(if $(WEEKS),--weeks $(WEEKS))

.PHONY: lint
lint: venv ## Check style
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	@$(BIN)/lint-imports --no-cache --no-logo

.PHONY: format
format: venv ## Fix style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: types
types: venv ## Check types
	$(BIN)/mypy

.PHONY: lock
lock: venv ## Renew requirements-dev.txt
	$(BIN)/uv pip compile --quiet --universal --no-emit-package featurewatch \
	  --no-emit-package featurewatch-receiver --no-emit-package featurewatch-kit \
	  --no-header --output-file requirements-dev.txt requirements-dev.in

.PHONY: venv
venv: $(VENV)/.installed ## Create the virtual environment

# Half a gigabyte, and for make test-ray alone.
$(RAY_VENV)/.installed:
	@scripts/make-venv.sh $(PYTHON) $(RAY_VENV)
	@$(RAY_VENV)/bin/python -m pip install --quiet "$(RAY)"
	@touch $@

$(WORKERS_VENV)/.installed $(EVENTLET_VENV)/.installed: .venv-%/.installed: tests/exporter_workers/%.txt $(VENV)/.installed
	@scripts/make-venv.sh $(PYTHON) $(@D)
	@$(@D)/bin/python -m pip install --quiet --requirement $<
	@touch $@

$(PREFECT_VENV)/.installed $(DAGSTER_VENV)/.installed: .venv-%/.installed: tests/receiver/backends/trainers/%.txt $(VENV)/.installed
	@scripts/make-venv.sh $(PYTHON) $(@D)
	@$(@D)/bin/python -m pip install --quiet --requirement $<
	@touch $@

packages = pyproject.toml receivers/pyproject.toml kit/pyproject.toml
editable = --editable . --editable receivers --editable

$(VENV)/.installed: requirements-dev.txt $(packages)
	@$(call make_venv,$(VENV),everything that developing and testing needs)
	@scripts/install.sh $(VENV) --requirement requirements-dev.txt
	@scripts/install.sh $(VENV) --no-deps $(editable) kit
	@touch $@

# What the demo needs is a fraction of what the tests do.
.venv-demo/.installed: requirements-dev.txt $(packages)
	@$(call make_venv,.venv-demo,what the demo needs)
	@scripts/install.sh .venv-demo --constraint requirements-dev.txt $(editable) "kit[demo]"
	@.venv-demo/bin/python -m pip uninstall --quiet --yes pip setuptools
	@touch $@

define make_venv
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
  || { echo "featurewatch needs Python 3.11 or newer: make PYTHON=python3.12"; exit 1; }; \
echo "installing $(2) into $(1)"; \
scripts/make-venv.sh $(PYTHON) $(1)
endef

.PHONY: tools
tools: venv ## Fetch Prometheus and Alertmanager into .tools, unless PATH has them
	@$(call fetch_tools,$(BIN))

define fetch_tools
$(1)/featurewatch tools >/dev/null 2>&1 \
  || { echo "fetching Prometheus and Alertmanager into .tools"; scripts/fetch-tools.sh .tools; } \
  || true; \
$(1)/featurewatch tools >/dev/null
endef

# Servers that tests run as the other end; one that PATH has will do as well.
.PHONY: servers
servers: .tools-redis .tools-chromium .tools-logrotate ## Fetch the servers and the browser that tests run into .tools-*

.tools-redis:
	@command -v redis-server >/dev/null \
	  || { echo "fetching Redis into $@"; \
	  scripts/fetch-server.sh $@ redis-server redis-tools libatomic1 libjemalloc2 liblzf1; }

.tools-chromium:
	@command -v chromium >/dev/null \
	  || { echo "fetching Chromium into $@"; scripts/fetch-server.sh --needed $@ chromium; }

.tools-clients: $(shell find tests/exporter_clients/programs -type f)
	@echo "building the clients of Go, Node.js and Java in $@"; scripts/make-clients.sh $@

.tools-logrotate:
	@echo "fetching logrotate into $@"
	@scripts/fetch-server.sh $@ logrotate libacl1 libpcre2-8-0 libpopt0 libselinux1

.tools-loggers: scripts/fetch-loggers.sh
	@echo "fetching loguru and pino-roll into $@"
	@scripts/fetch-loggers.sh $(BIN)/python $@

.PHONY: clean
clean: ## Remove everything that make has made
	rm -rf $(VENV) .venv-* .tools .tools.new .tools-* build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	rm -rf exporter/*.egg-info kit/*.egg-info receivers/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
