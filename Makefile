# Development commands; each does its own set-up. `make help` lists them.
PYTHON ?= python3
VENV ?= .venv
CLIENTS ?= .venv-clients
COMPILED ?= .compiled
PORT ?= 6379
ARGS ?=
PYTEST_ARGS ?= -n 2 --dist loadgroup
COMPILED_TESTS ?= tests/unit tests/wire tests/fuzz tests/differential tests/golden
# What meets no compiled module beyond what the others do, and takes long.
COMPILED_SKIPS := $(addprefix --ignore=tests/,unit/backends unit/benchmarks wire/test_parallelism.py wire/test_huge_model.py \
  wire/test_backend_directories.py wire/test_benchmarks.py)

BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --retries 5 -c constraints.txt
MAGIKA := magika==1.0.3
SOUND := basic-pitch==0.4.0 silero-vad==6.2.3
MAGIKA_DIR := $(VENV)/demo

# Only `compiled` sets it: the editable install of the other targets would put compiled modules beside the sources.
unexport PYREDISAI_COMPILE

.DEFAULT_GOAL := help
.PHONY: help demo test explore compiled test-compiled serve lint types docs bench fmt redis backends clients clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | \
	  while IFS="$$(printf '\t')" read -r name text; do printf '  make %-13s %s\n' "$$name" "$$text"; done
	@echo '  Variables: ARGS="…" (serve, demo, test, bench), PORT=6379 (serve), PYTHON=python3, VENV=.venv'

demo: $(VENV)/.core $(VENV)/.magika $(VENV)/.sound ## start a server, run real pretrained models on all backends that are installed, stop it
	@.ci/apt-install redis-cli redis-tools
	@$(BIN)/python -m benchmarks.demo --package $(MAGIKA_DIR) $(ARGS)

test: $(VENV)/.test redis backends clients ## everything that the tests need, then the tests
	$(BIN)/python -m pytest $(PYTEST_ARGS) $(ARGS)

explore: $(VENV)/.test redis ## the random tests with examples that are new each time (PYREDISAI_EXAMPLES=200 sequences of commands)
	PYREDISAI_RANDOM=1 PYREDISAI_EXAMPLES=$${PYREDISAI_EXAMPLES:-200} $(BIN)/python -m pytest $(PYTEST_ARGS) tests/fuzz tests/differential $(ARGS)

compiled: $(COMPILED)/.done ## the package with its hot modules compiled (needs a C compiler), in .compiled

test-compiled: compiled redis ## the tests that go through the compiled modules, against that build
	PYTHONSAFEPATH=1 PYTHONPATH=$(abspath $(COMPILED)):$(CURDIR) PYREDISAI_BUILD=compiled \
	  $(BIN)/python -m pytest -o pythonpath= -p no:cacheprovider $(PYTEST_ARGS) $(COMPILED_SKIPS) $(COMPILED_TESTS) $(ARGS)

serve: $(VENV)/.core ## a server in the foreground on port 6379
	@exec $(BIN)/pyredisai-server --port $(PORT) $(ARGS)

lint: $(VENV)/.test ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test ## mypy --strict
	$(BIN)/mypy

fmt: $(VENV)/.test ## format, and fix what can be fixed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.core ## write redisai.conf.example and the tables of docs/configuration.md anew
	$(BIN)/python -m pyredisai.config.docs

bench: $(VENV)/.bench redis ## compare with redis-server: table, JSON and plot (ARGS=--quick for two minutes)
	$(BIN)/python -m benchmarks $(ARGS)

clean: ## remove what make made
	rm -rf $(VENV) $(CLIENTS) $(COMPILED) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis benchmarks/results

redis: # the real redis-server, its tools and openssl, where that is possible; tests without them are skipped
	@.ci/apt-install "redis-server redis-cli redis-benchmark" redis-server redis-tools
	@.ci/apt-install openssl openssl

# What a backend's tests need. One that cannot be installed is named; its tests are skipped.
backends: $(VENV)/.test
	@for extra in torch tf tflite; do \
	  [ -e $(VENV)/.$$extra ] && continue; \
	  echo "installing the backend $$extra (some are large downloads)"; \
	  if $(PIP) -e ".[$$extra]"; then touch $(VENV)/.$$extra; \
	  else echo "NOTE: the backend $$extra could not be installed; its tests are skipped"; fi; \
	done

# redisai-py and SmartRedis need an old redis-py and numpy: an environment of their own. Tests of one that is not there are skipped.
clients:
	@[ -x $(CLIENTS)/bin/python ] || $(PYTHON) -m venv $(CLIENTS) || echo 'NOTE: no environment for the clients'
	@for client in redisai==1.3.0 smartredis==0.6.1; do \
	  name=$${client%%==*}; \
	  ls $(CLIENTS)/lib/python3*/site-packages/$$name >/dev/null 2>&1 && continue; \
	  echo "installing the client $$client"; \
	  $(CLIENTS)/bin/pip install --quiet --disable-pip-version-check --retries 5 \
	    'setuptools<81' 'redis<5' 'numpy<2' $$client || echo "NOTE: no $$client; its test is skipped"; \
	done

$(VENV)/.core: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 …' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  .ci/apt-install ensurepip "$$($(PYTHON) -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo 'The venv module is needed: apt-get install python3-venv' >&2; exit 1; }
	@echo 'installing pyredisai into $(VENV)'
	@$(PIP) -e .
	@rm -f $(VENV)/.torch $(VENV)/.tf $(VENV)/.tflite
	@touch $@

$(VENV)/.test: $(VENV)/.core
	@$(PIP) -e '.[test]'
	@touch $@

$(COMPILED)/.done: $(VENV)/.test setup.py pyproject.toml $(shell find pyredisai -name '*.py')
	@.ci/apt-install cc gcc libc6-dev
	@echo 'compiling into $(COMPILED) (a minute or two)'
	@rm -rf build $(COMPILED)
	@PYREDISAI_COMPILE=1 $(PIP) --no-deps --no-build-isolation --target $(COMPILED) .
	@touch $@

$(VENV)/.bench: $(VENV)/.core
	@$(PIP) -e '.[bench]'
	@touch $@

$(VENV)/.magika: $(VENV)/.core
	@echo 'fetching the demo model (package $(MAGIKA))'
	@$(PIP) --no-deps --upgrade --target $(MAGIKA_DIR) $(MAGIKA)
	@touch $@

$(VENV)/.sound: $(VENV)/.core $(VENV)/.magika
	@echo 'fetching the models of the second act (packages $(SOUND))'
	@$(PIP) --no-deps --upgrade --target $(MAGIKA_DIR) $(SOUND) && touch $@ || echo 'NOTE: they could not be had'
