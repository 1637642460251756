# Everything happens in .venv inside the clone. `make run` to try dibs, `make check` before a commit.
#   make run ARGS="--port 9000"          make test PYTEST_ARGS="-k claim -x"
#   make test REDIS=redis-server         the suite on the Redis of this machine, over TCP, rather than on the bundled Valkey
#   make test-all                        the suite on every Python that is found; make test-3.13 on one
#   make simulate                        5,000 simulated schedules; N=1000000, SEED=17 one in words, SHRINK=1 made smaller
#   make faults                          every fault in full; ROUNDS=0.1 a tenth, ARGS="power" some rows, SERVER=PATH another server
#   make cluster-tests                   every strike between nodes in full; ROUNDS=1 so many of each at most, ARGS="race" some rows
#   make browser-tests                   the tests in a browser in full, every state of a page looked at in both languages; PYTEST_ARGS="-k kill" some
#   make screenshots                     a picture of every page in every state into screenshots/; ARGS="agent widget-rating" some
#   make interpreters                    a .venv-X.Y for the other Pythons that dibs is for, where they are found
#   make package                         the wheel in dist/, installed into an empty environment of each Python, and a chat from there
#   make lock                            the newest versions that pyproject.toml allows; make outdated only tells which there are
#   make clean                           removes all that make and the tests have made; data of dibs stay
#   make leaks                           a million random frames of one store, and a look for another's; N=100000, SEED=17
#   make fuzz                            a million frames of rubbish, guided by coverage; RUNS=10000, SEED=17, ARGS="socket" some targets
#   make autobahn                        Autobahn's fuzzing client against our framing; needs a Python 2.7 for the tool
#   make attack                          every attack in full, a quarter of an hour; SHARE=0.1 a tenth, ARGS="pings" some rows
#   make bench                           what dibs can do, a tenth of each bench; SHARE=1 all, ARGS="race" some, OUT=DIR for the report, SHARDS=3 clusters too
#   make reckon                          docs/scale.md anew, by the figures of a `make bench ARGS="scale idle" SHARE=1`; OUT="DIR DIR" names several runs
#   make page-figures                    docs/pages.md anew: what the pages weigh and how fast they are; SHARE=0.1 ARGS="frame" some, only shown
#   make bench-peers                     dibs beside Socket.IO and FastAPI, in turn; ROUNDS=5, ARGS="dibs socketio", HARNESS=DIR for more peers
#   make mutants                         each known bug put into a copy and hunted; N=500 schedules at most, ARGS="fence" some

BIN := .venv/bin
UV := $(shell command -v uv 2>/dev/null)
# A pyenv shim can stand on PATH and still not start: each candidate is asked.
PYTHON := $(shell for python in python3 python3.13 python3.12 python3.11 python3.14; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v "$$python" && break; done)
LOCK = pip compile pyproject.toml --group dev --universal --python-version 3.11 --fork-strategy fewest \
	--no-annotate --no-header --no-emit-index-url --no-emit-find-links --no-config --quiet -o requirements.lock

# The Pythons that dibs is for.
PYTHONS := 3.11 3.12 3.13
# $(call python,X.Y): on PATH, or among pyenv's.
python = $(shell for python in python$(1) $${PYENV_ROOT:-$$HOME/.pyenv}/versions/$(1).*/bin/python; do \
	"$$python" -c 'import sys$(if $(UV),,, ensurepip, venv); sys.exit("%d.%d" % sys.version_info[:2] != "$(1)")' 2>/dev/null \
	&& command -v "$$python" && break; done)

.PHONY: run test test-all browser-tests screenshots page-figures simulate mutants faults cluster-tests interpreters package attack bench reckon bench-peers leaks fuzz autobahn check lint format lock outdated clean
.DEFAULT_GOAL := check
# The stamps of pattern rules would count as intermediate, and be removed.
.PRECIOUS: .venv-%/installed
.DELETE_ON_ERROR:

run: .venv/installed
	@$(BIN)/dibs serve --demo $(ARGS)

# What measures a server as it is attacked or broken has the machine to itself; the rest shares it, and nodes that mostly wait and browsers share it by files.
ALONE := tests/attack tests/faults
APART := tests/cluster tests/browser
# $(call suite,PYTHON): all of it, or what PYTEST_ARGS names.
suite = $(if $(REDIS),export REDIS=$(REDIS) && )$(if $(PYTEST_ARGS),$(1) -m pytest $(PYTEST_ARGS),\
	$(1) -m pytest --numprocesses 2 $(patsubst %,--ignore %,$(ALONE) $(APART)) && $(1) -m pytest $(ALONE) && \
	$(1) -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(APART))

# What is looked for in pages comes from npm; who has none skips that, and CI has it.
AXE := tests/browser/npm/node_modules/installed
$(AXE): tests/browser/npm/package-lock.json
	@if ! command -v npm >/dev/null; then echo "no npm here: what axe-core would find in the pages is not looked for (on Debian and Ubuntu: apt install npm)"; \
	elif (cd tests/browser/npm && npm ci --no-audit --no-fund --loglevel=error >/dev/null); then touch $@; \
	else echo "npm brought no axe-core: what it would find in the pages is not looked for"; fi

test: .venv/installed $(AXE)
	$(call suite,$(BIN)/python)

test-all: test
	@own=$$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])') && for version in $(PYTHONS); do \
		[ $$version = $$own ] || $(MAKE) test-$$version || exit; done

test-%: .venv-%/installed $(AXE)
	@if [ -e .venv-$*/installed ]; then set -x; $(call suite,.venv-$*/bin/python); fi

simulate: .venv/installed
	@$(BIN)/python -m tests.simulation.run $(if $(SEED),--seed $(SEED),-n $(or $(N),5000)) $(if $(SHRINK),--shrink)

mutants: .venv/installed
	@$(BIN)/python -m tests.mutants.run $(if $(N),-n $(N)) $(ARGS)

faults: .venv/installed interpreters
	@$(BIN)/python -m tests.faults.run $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SERVER),--server $(SERVER)) $(ARGS)

cluster-tests: .venv/installed
	@$(BIN)/python -m tests.cluster.run $(if $(ROUNDS),--rounds $(ROUNDS)) $(ARGS)

browser-tests: .venv/installed $(AXE)
	LONG=1 $(BIN)/python -m pytest --numprocesses 2 tests/browser $(PYTEST_ARGS)

screenshots: .venv/installed
	@$(BIN)/python -m tests.browser.screenshots $(if $(OUT),--out $(OUT)) $(ARGS)

interpreters: .venv/installed
	@own=$$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])') && for version in $(PYTHONS); do \
		[ $$version = $$own ] || $(MAKE) -s .venv-$$version/installed || exit; done

package: .venv/installed
	@$(BIN)/python -m tests.package.run $(foreach version,$(PYTHONS),$(version)=$(call python,$(version)))

fuzz: .venv/installed
	@$(BIN)/python -m tests.fuzz.run $(if $(RUNS),--runs $(RUNS)) $(if $(SEED),--seed $(SEED)) $(ARGS)

autobahn: .venv/installed
	@$(BIN)/python -m tests.web.autobahn

attack: .venv/installed
	@SHARE=$(SHARE) $(BIN)/python -m tests.attack.run $(ARGS)

lint: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: .venv/installed
	@$(BIN)/python -m bench.run $(if $(SHARE),--share $(SHARE)) $(if $(SHARDS),--shards $(SHARDS)) $(if $(OUT),--out $(OUT)) $(ARGS)

reckon: .venv/installed
	@$(BIN)/python -m bench.reckon $(patsubst %,%/figures.json,$(or $(OUT),bench-report))

page-figures: .venv/installed
	@$(BIN)/python -m bench.pages.run $(if $(SHARE),--share $(SHARE)) $(ARGS)

# What the peers need stays in their folders; nothing of dibs uses it.
bench-peers: .venv/installed bench/peers/.venv/installed bench/peers/socketio/node_modules/installed
	@$(BIN)/python -m bench.peers.run $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SHARE),--share $(SHARE)) $(if $(OUT),--out $(OUT)) $(ARGS)

bench/peers/.venv/installed: bench/peers/fastapi/requirements.lock .venv/installed
ifneq ($(UV),)
	@$(UV) venv --quiet --clear --python $(BIN)/python bench/peers/.venv
	@$(UV) pip install --quiet --python bench/peers/.venv/bin/python -r $<
else
	@$(BIN)/python -m venv --clear bench/peers/.venv
	@bench/peers/.venv/bin/python -m pip install --quiet --disable-pip-version-check -r $<
endif
	@touch $@

bench/peers/socketio/node_modules/installed: bench/peers/socketio/package-lock.json
	@command -v npm >/dev/null || { echo "the Socket.IO peer needs node and npm (on Debian and Ubuntu: apt install nodejs npm)" >&2; exit 1; }
	@cd bench/peers/socketio && npm ci --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

leaks: .venv/installed
	@$(BIN)/python -m tests.wire.run $(if $(N),-n $(N)) $(if $(SEED),--seed $(SEED))

check: lint
	$(MAKE) test

format: .venv/installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The newest versions that pyproject.toml allows, for pip in requirements.lock and for uv in pyproject.toml; `git diff` shows what moved.
lock: .venv/installed
ifeq ($(UV),)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/python -m uv $(LOCK) --upgrade
else
	$(UV) $(LOCK) --upgrade
endif
	$(BIN)/python -m tests.package.pin

outdated: .venv/installed
	@echo "Looking for newer versions of what is in .venv:"
	@newer=$$($(if $(UV),$(UV) pip list --python $(BIN)/python,$(BIN)/python -m pip list --disable-pip-version-check) \
		--outdated --exclude-editable --exclude pip --exclude setuptools) && echo "$${newer:-none: all is the newest}"

clean:
	rm -rf .venv .venv-* bench/peers/.venv bench/peers/socketio/node_modules tests/browser/npm/node_modules screenshots bench-report uv.lock *.egg-info .autobahn .mypy_cache .pytest_cache .ruff_cache .hypothesis dist build
	find actors bench docs storage web tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps come last, so that an interrupted installation starts anew.
.venv/locked: requirements.lock
ifneq ($(UV),)
	@$(UV) venv --quiet --clear --python "$(or $(PYTHON),>=3.11)" .venv
	@$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements.lock
else ifeq ($(PYTHON),)
	@echo "dibs needs Python 3.11 or later on PATH (or uv, which brings one)" >&2; exit 1
else
	@"$(PYTHON)" -m venv --clear .venv || { echo "dibs needs Python's venv module (on Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
endif
	@touch $@

# Without isolation: the build tools come from the lock, so that no version is fetched that the lock does not name.
.venv/installed: pyproject.toml .venv/locked
ifneq ($(UV),)
	@$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --no-build-isolation --no-deps --editable .
else
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
endif
	@touch $@

.venv-%/installed: pyproject.toml requirements.lock
	@python='$(call python,$*)'; if [ -z "$$python" ]; then echo "no Python $* here: nothing is run under it"; exit; fi; \
	$(if $(UV),$(UV) venv --quiet --clear --python "$$python" .venv-$*,"$$python" -m venv --clear .venv-$*) && \
	for what in "-r requirements.lock" "--no-build-isolation --no-deps --editable ."; do \
		$(if $(UV),$(UV) pip install --quiet --compile-bytecode --python .venv-$*/bin/python,.venv-$*/bin/python -m pip install --quiet --disable-pip-version-check) \
		$$what || exit; done && touch $@
