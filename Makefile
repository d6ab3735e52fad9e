# Every target makes .venv by itself: with uv when it is on PATH, else with venv and pip.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
SCALE ?=
VNU := 24.10.17
ZENSICAL := 0.0.73
LOCK := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header

# Whatever a shell says: tests start hundreds of short processes, and each would compile the same modules anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo test test-servers test-cluster tested-on-a-cluster html zensical lint format site serve bench bench-scale bench-site lock setup setup-archive setup-dev setup-tokens clean

help: ## List the targets.
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' Makefile | expand -t 16

demo: setup ## Run the whole loop on this machine and build its site (ARGS="--out DIR").
	@$(BIN)/fairlead demo $(ARGS)

test: setup-dev ## Run every test: first what may run side by side, then, alone, what measures (ARGS="-k name").
	@$(BIN)/python -m pytest -q -n auto --dist loadfile -m "not realtime and not servers" $(ARGS) || [ $$? = 5 ]
	@$(BIN)/python -m pytest -q -m "realtime and not servers" $(ARGS) || [ $$? = 5 ]

test-servers: setup-dev ## Measure servers that people run, each in an environment of its own (the first time: half an hour).
	@$(BIN)/python -m pytest -q -m servers $(ARGS) || [ $$? = 5 ]

test-cluster: ## Measure and rank on a Ray cluster of several nodes on this machine, in an environment of its own.
	@$(MAKE) --no-print-directory VENV=.venv-cluster tested-on-a-cluster

tested-on-a-cluster: $(VENV)/.ready-ray
	@$(BIN)/python -m pytest -q -m cluster pipeline/tests/test_cluster_ray.py pipeline/tests/test_cluster_ray_whole.py $(ARGS)

html: setup-dev ## Validate the HTML of every page of a built site (needs npm and Java; nothing else does).
	@command -v npm >/dev/null && command -v java >/dev/null || { echo "Not validated: npm or Java is missing here."; exit 0; }; \
	npm install --silent --no-save --ignore-scripts --prefix build/vnu vnu-jar@$(VNU) \
	  || { echo "Not validated: npm could not install vnu-jar $(VNU)."; exit 0; }; \
	$(BIN)/python -m pytest -q pipeline/tests/test_site_tools.py -k html

zensical: setup-dev ## See whether the site's Markdown builds under Zensical too; nothing depends on it.
	@test -x build/zensical/bin/zensical || { $(BIN)/python -m venv build/zensical \
	  && build/zensical/bin/pip install -q --disable-pip-version-check zensical==$(ZENSICAL); } \
	  || { echo "Not tried: Zensical $(ZENSICAL) cannot be installed here."; exit 0; }; \
	$(BIN)/python -m pytest -q pipeline/tests/test_site_tools.py -k zensical \
	  || echo "The Markdown does not build under Zensical $(ZENSICAL). MkDocs is what builds this site."

lint: setup-dev ## Style, types, layers, spelling, workflows, and the data itself.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/typos
	$(BIN)/fairlead format --check
	$(BIN)/fairlead check

format: setup-dev ## Rewrite code and data in their canonical form.
	$(BIN)/ruff check --fix-only -q .
	$(BIN)/ruff format -q .
	$(BIN)/fairlead format

site: setup ## Build the site of this checkout into build/site.
	@$(BIN)/fairlead build --out build/site $(ARGS)

serve: setup ## Serve the site on http://127.0.0.1:8000; it follows the files.
	@$(BIN)/fairlead serve $(ARGS)

bench: setup-dev ## Measure our client beside other tools, then checking and ranking; write build/bench*.json (ARGS=--alone: without the tools, --keep: into the README and the site, too).
	@mkdir -p build
	@$(BIN)/python pipeline/benchmarks/bench_client.py --json build/bench.json $(ARGS)
	@$(BIN)/python pipeline/benchmarks/bench_scale.py --json build/bench-scale.json

bench-scale: setup-dev ## Time and memory of check and rank at 10^4, 10^5 and 10^6 requests (SCALE="--sizes 1e7").
	@mkdir -p build
	@$(BIN)/python pipeline/benchmarks/bench_scale.py --sizes 1e4,1e5,1e6 --json build/bench-scale.json $(SCALE)

bench-site: setup-dev ## Measure builds of the site beside bare MkDocs, and its leaderboards in a browser; write build/bench-*.json.
	@mkdir -p build
	@$(BIN)/python pipeline/benchmarks/bench_site.py --json build/bench-site.json $(ARGS)
	@$(BIN)/python pipeline/benchmarks/bench_board.py --json build/bench-board.json

setup-tokens: setup ## Add the library that counts tokens.
	@$(call install,requirements-tokens.lock)

setup-archive: setup ## Add the libraries that read and write archives of raw files.
	@$(call install,requirements-archive.lock)

lock: setup-dev ## Pin every dependency anew, with hashes.
	@printf 'editables\nhatchling\npython-dateutil<3\n' | $(LOCK) -o requirements.lock pyproject.toml -
	@$(LOCK) --extra tokens -c requirements.lock -o requirements-tokens.lock pyproject.toml
	@$(LOCK) --extra archive -c requirements.lock -o requirements-archive.lock pyproject.toml
	@$(LOCK) --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml
	@$(LOCK) --extra dev --extra ray -c requirements-dev.lock -o requirements-ray.lock pyproject.toml

clean: ## Remove what was made here.
	rm -rf $(VENV) .venv-cluster build

setup: $(VENV)/.ready
setup-dev: $(VENV)/.ready-dev

$(VENV)/.ready: requirements.lock pyproject.toml
	@$(call install,requirements.lock)
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready requirements-dev.lock
	@$(call install,requirements-dev.lock)
	@touch $@

$(VENV)/.ready-ray: $(VENV)/.ready requirements-ray.lock
	@$(call install,requirements-ray.lock)
	@touch $@

# $(1): the lock file. The project itself is installed without touching any dependency.
define install
	set -e; \
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Fairlead needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12")'; \
	echo "Setting up $(VENV) from $(1) ..."; \
	if command -v uv >/dev/null 2>&1; then \
	  test -x $(BIN)/python || uv venv -q --python "$$(command -v $(PYTHON))" $(VENV); \
	  uv pip install -q --python $(BIN)/python --require-hashes -r $(1); \
	  uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .; \
	else \
	  test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV); \
	  $(BIN)/pip install -q --disable-pip-version-check --require-hashes -r $(1); \
	  $(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .; \
	fi
endef
