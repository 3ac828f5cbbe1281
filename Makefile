# Every target works from a fresh clone with only Python 3.11+, make and gcc, without root.
PYTHON ?= python3
BIN := .venv/bin
SETUP := .venv/.setup-done

.PHONY: setup up test check acceptance lock clean

setup: $(SETUP) studio/static/vendor/hls.min.js

# pip installs the pinned uv, uv installs the hashed lock; the project itself goes in editable.
$(SETUP): requirements/all.lock requirements/uv.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Kadr needs Python 3.11 or newer: make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "This Python has no venv module. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/all.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

# hls.js and media-chrome for the watch page.
studio/static/vendor/hls.min.js: studio/package-lock.json $(SETUP)
	$(call npm_ci,--omit=dev)
	@mkdir -p $(@D) && cp studio/node_modules/media-chrome/dist/iife/index.js $(@D)/media-chrome.js
	@cp studio/node_modules/hls.js/dist/hls.min.js $@

# The other players, for tests only. One run of npm brings both.
SHAKA := studio/node_modules/shaka-player/dist/shaka-player.compiled.js
DASH := studio/node_modules/dashjs/dist/modern/umd/dash.all.min.js
$(SHAKA): studio/package-lock.json studio/static/vendor/hls.min.js
	$(call npm_ci)
	@touch $@ $(DASH)
$(DASH): $(SHAKA) ;

# The machine's npm if it has one, else Node from PyPI (whose bin/npm does not start: run its npm-cli.js).
define npm_ci
@if command -v npm >/dev/null 2>&1; then cd studio && npm ci --silent --ignore-scripts $(1); else \
  $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/node.lock && \
  cd studio && ../$(BIN)/python -m kadr.npm ci --silent --ignore-scripts $(1); fi
endef

# Everything on one machine, in the foreground. make up VIDEO=clip.mp4 also puts that file through.
up: setup
	@exec $(BIN)/kadr up $(if $(VIDEO),--video "$(VIDEO)")

# Three processes, on two cores as well: much of the time each waits for a player, or for the stack they all share.
PARALLEL := -n 3 --dist loadgroup --no-loadscope-reorder

test: setup check $(SHAKA) $(DASH)
	$(BIN)/python -m pytest $(PARALLEL)

# Style, types and the floors of the house.
check: $(SETUP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Every clip of ../shared/media with what its index expects of it, and the tests that take too long for `make test`,
# each marked with its reason.
acceptance: setup $(SHAKA) $(DASH)
	$(BIN)/python -m pytest --acceptance -m acceptance $(PARALLEL)

# Pin again after a change of dependencies.
lock:
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml --extra embedded --extra test --extra bench -o requirements/all.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml -o requirements/runtime.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header requirements/uv.in -o requirements/uv.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header requirements/node.in -o requirements/node.lock

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache studio/node_modules studio/static/vendor
