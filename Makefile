# One word per task; every task first makes sure that .venv is as the requirements say.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
STAMP := .venv/.amira-setup
TRAINING_BIN := .venv-training/bin
TRAINING_STAMP := .venv-training/.amira-setup
AUDIT_BIN := .venv-audit/bin
AUDIT_STAMP := .venv-audit/.amira-setup
PLATFORM := $(shell uname -sm)
ARGS ?=
# Processes that share the tests; more than there are CPUs, as many tests wait for servers to start. 0: one after another.
TEST_PROCESSES ?= 3
SHARED := --numprocesses=$(TEST_PROCESSES) --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup demo up assistant jaeger jaeger-build doctor test lint format protos stubs docs site bench bench-quick bench-stages bench-reports bench-overload eval chaos soak fuzz fuzz-messages fuzz-websocket licences audit sbom train-setup train clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## Create .venv with the pinned versions (does nothing when nothing has changed)

$(STAMP): pyproject.toml requirements/constraints.txt requirements/k2.txt requirements/triton.txt
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "Amira needs Python 3.11 (k2 and Triton's Python backend are built for it), and '$(PYTHON)' is not on the PATH."; \
	  echo "Install it (for example: apt-get install python3.11 python3.11-venv libpython3.11; pyenv install 3.11;"; \
	  echo "brew install python@3.11), or name it: make setup PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
	  echo "'$(PYTHON)' is not Python 3.11; name one that is: make setup PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { \
	  rm -rf .venv; echo "Could not create .venv: on Debian and Ubuntu, apt-get install python3.11-venv."; exit 1; }
	@echo "Installing into .venv (about 4.5 GB, a few minutes the first time) ..."
	@$(BIN)/python -m pip install --quiet --constraint requirements/constraints.txt hatchling editables
	@$(BIN)/python -m pip install --quiet --constraint requirements/constraints.txt --no-build-isolation --editable '.[dev]'
ifeq ($(PLATFORM),Linux x86_64)
	@$(BIN)/python -m pip install --quiet --no-deps --requirement requirements/k2.txt
else
	@echo "k2 has no wheel for $(PLATFORM): the built-in beam search takes over."
endif
ifneq ($(filter Linux,$(PLATFORM)),)
	@$(BIN)/python -m pip install --quiet --no-deps --requirement requirements/triton.txt
else
	@echo "The Triton wheel is for Linux: use --encoder in-process here (development only)."
endif
	@touch $@
	@echo "Set up."

demo: setup ## Start everything, recognize a recording in real time, show words and latency, stop
	@$(BIN)/amira demo $(ARGS)

up: setup ## Run Amira on this machine until Ctrl-C (ARGS="--port 6000 --search beam" ...)
	@$(BIN)/amira up $(ARGS)

jaeger: setup jaeger-build ## Run Jaeger until Ctrl-C, for the traces of a stack (make up with OTEL_EXPORTER_OTLP_ENDPOINT=...)
	@$(BIN)/python -m amira_local.jaeger

jaeger-build: ## Build Jaeger into build/jaeger, where Go is installed (some minutes the first time)
	@deploy/jaeger/build.sh

assistant: setup ## A voice assistant in the browser, offline, until Ctrl-C (ARGS="--help" for what can be set)
	@$(BIN)/python -m demo.assistant $(ARGS)

doctor: setup ## Check what this machine needs, and say how to mend what is missing
	@$(BIN)/amira doctor $(ARGS)

test: setup ## Run the tests (ARGS="tests/client -k wav" for some; TEST_PROCESSES=0 one after another)
ifneq ($(ARGS),)
	$(BIN)/python -m pytest $(ARGS)
else
	@# Compiled here, or every process that needs them would, all at the same time.
	$(BIN)/python -m tests.support.kernels
	$(BIN)/python -m tests.support.second_chance --ignore=tests/training -m "not slow and not toolchain" --durations=30 $(SHARED)
	@# In processes of their own: in one with all that the other tests load, training ended in a segmentation fault.
	$(BIN)/python -m tests.support.second_chance tests/training $(SHARED)
	@# Whole systems, most of them: longer than one wants to wait for before every commit.
	@if [ "$$AMIRA_TEST_SLOW" = 1 ]; then \
	  $(BIN)/python -m tests.support.second_chance --ignore=tests/training -m "slow and not toolchain" --durations=10 $(SHARED); \
	  else echo "Slow tests are left out: AMIRA_TEST_SLOW=1 runs them, too."; fi
	@# By themselves, and one after another: compilers beside them would starve the servers of other tests.
	@if [ "$$AMIRA_TEST_TOOLCHAINS" = 1 ]; then $(BIN)/python -m tests.support.second_chance --ignore=tests/training -m toolchain --durations=10; \
	  else echo "Tests that compile clients in other languages are left out: AMIRA_TEST_TOOLCHAINS=1 runs them, too."; fi
endif

lint: setup ## Check style, types, the protocol and the generated code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/buf lint protos
	$(BIN)/buf breaking protos --against protos/released.binpb
	$(BIN)/python scripts/generate_protos.py --check
	$(BIN)/python scripts/generate_adapter_tables.py --check
	$(BIN)/python scripts/generate_api.py --check
	$(BIN)/python scripts/generate_figures.py --check
	$(BIN)/python scripts/generate_claims.py --check
	$(BIN)/python scripts/generate_licences.py --check
	$(BIN)/python scripts/generate_configuration.py --check
	$(BIN)/python scripts/generate_observability.py --check
	$(BIN)/python scripts/generate_prometheus_rules.py --check
	$(BIN)/python scripts/check_licences.py

format: setup ## Put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

protos: setup ## Generate Python code from protos/
	$(BIN)/python scripts/generate_protos.py

stubs: setup ## Client code for other languages, into build/stubs (ARGS="go java" for some)
	$(BIN)/python scripts/generate_stubs.py $(ARGS)

docs: setup ## Generate the tables of docs/ (API, adapters, configuration, metrics) and the dashboards
	$(BIN)/python scripts/generate_adapter_tables.py
	$(BIN)/python scripts/generate_api.py
	$(BIN)/python scripts/generate_figures.py
	$(BIN)/python scripts/generate_claims.py
	$(BIN)/python scripts/generate_licences.py
	$(BIN)/python scripts/generate_configuration.py
	$(BIN)/python scripts/generate_observability.py
	$(BIN)/python scripts/generate_prometheus_rules.py

site: setup ## Build the documentation site into build/site, without network
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict

bench: setup ## Latency and streams against sherpa-onnx, half an hour on an idle machine; writes docs/BENCHMARKS.md
	$(BIN)/python -m benchmarks --document $(ARGS)

bench-quick: setup ## The same in four minutes, with fewer systems (ARGS="--help" for what can be set)
	$(BIN)/python -m benchmarks --quick $(ARGS)

bench-stages: setup ## What each stage costs: features, encoder engines, searches, relay; into docs/PERFORMANCE.md
	$(BIN)/python -m benchmarks.stages --document $(ARGS)

bench-reports: setup ## What follows from the last make bench: costs, fleets, plots, docs/BENCHMARKS.md, figures of other pages
	$(BIN)/python -m benchmarks.report
	$(BIN)/python scripts/generate_figures.py
	$(BIN)/python scripts/generate_claims.py

bench-overload: setup ## Three times the streams that the server can carry: what those notice that are admitted
	$(BIN)/python -m benchmarks.overload --out benchmarks/results/overload.json $(ARGS)

eval: setup ## Word error rates and more through the running stack (ARGS="--help" for what can be set)
	$(BIN)/python -m evaluation $(ARGS)

chaos: setup ## Kill, stop and cut parts of a real fleet under streams; every word is checked (SEED=1 ARGS="--help")
	$(BIN)/python -m chaos run --seed $(or $(SEED),1) $(ARGS)

soak: setup ## An hour of streams of every fate; nothing may grow (ARGS="--minutes 5")
	$(BIN)/python -m soak run $(ARGS)

fuzz: setup ## Broken and hostile audio through the decoders of formats (ARGS="--inputs 5000")
	$(BIN)/python -m fuzz.audio $(ARGS)

fuzz-messages: setup ## Broken and hostile messages to a service (ARGS="--service decoder --inputs 5000")
	$(BIN)/python -m fuzz.messages $(ARGS)

fuzz-websocket: setup ## Broken and hostile WebSockets to a gateway (ARGS="--inputs 5000")
	$(BIN)/python -m fuzz.websocket $(ARGS)

licences: setup ## Licences of all that is installed, held to requirements/licences.toml
	$(BIN)/python scripts/check_licences.py

audit: $(AUDIT_STAMP) ## Known findings in the pinned versions (asks the advisory service)
	$(AUDIT_BIN)/pip-audit --strict --no-deps --disable-pip -r requirements/constraints.txt -r requirements/triton.txt \
	  $$(sed -n 's/^\([A-Z]*-.*\)/--ignore-vuln \1/p' requirements/known-findings.txt)
	$(AUDIT_BIN)/pip-audit --strict --no-deps --disable-pip -r requirements/k2.txt

sbom: setup $(AUDIT_STAMP) ## Bill of materials (CycloneDX) of what is installed, in build/sbom.json
	@mkdir -p build
	$(AUDIT_BIN)/cyclonedx-py environment $(BIN)/python --output-reproducible --of JSON -o build/sbom.json

$(AUDIT_STAMP): requirements/audit.txt
	@$(PYTHON) -m venv .venv-audit
	@$(AUDIT_BIN)/python -m pip install --quiet --requirement requirements/audit.txt
	@touch $@

train-setup: $(TRAINING_STAMP) ## Create .venv-training: a current torch, which the services' pinned one (for k2) cannot be

$(TRAINING_STAMP): training/requirements.txt
	@test -x $(TRAINING_BIN)/python || $(PYTHON) -m venv .venv-training
	@echo "Installing into .venv-training (about 7 GB, several minutes the first time) ..."
	@$(TRAINING_BIN)/python -m pip install --quiet --requirement $<
	@echo '$(CURDIR)/training' > "$$($(TRAINING_BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/amira_training.pth"
	@touch $@

train: train-setup ## Train a model (ARGS="recipe --small ..." and more: training/README.md)
	@OMP_WAIT_POLICY=$${OMP_WAIT_POLICY-ACTIVE} $(TRAINING_BIN)/python -m amira_training $(or $(ARGS),--help)

clean: ## Remove caches and logs (not .venv)
	rm -rf .amira .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	find . -path ./.venv -prune -o -name __pycache__ -type d -exec rm -rf {} +
