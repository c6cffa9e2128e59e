# make demo   see it work on real data        make test   run the tests
# make compat / make faults / make pages   their long versions   make help   everything
PYTHON ?= python3
VENV   := .venv
DVCENV := .venv-dvc
BIN    := $(VENV)/bin
DEMO   ?= demo-project
DVC    := 3.67.1
DVCLIVE := 3.49.1
PEERS  := 'dvc[s3,gs,azure,ssh,webdav]==$(DVC)' 'dvclive[image]==$(DVCLIVE)'
JOBS   ?= 4
export PIP_DISABLE_PIP_VERSION_CHECK = 1
unexport PYTHONDONTWRITEBYTECODE  # each of many processes would compile everything again

.PHONY: help setup python demo test compat pages faults soak docs lint wheels-check clean

help:
	@echo "make demo          a project with real data in ./$(DEMO) (DEMO=folder for another place)"
	@echo "make test          all tests, samples of the long ones (JOBS=$(JOBS) processes)"
	@echo "make compat        random operations against real dvc (COMPAT_STEPS=500, COMPAT_SEED=1)"
	@echo "make pages         all tests of the pages in Chromium"
	@echo "make faults        kill and power-loss tests at every step"
	@echo "make soak          300 experiments, 4 workers, random kills (SOAK_RUNS=300)"
	@echo "make docs          write docs/commands again from the parsers"
	@echo "make wheels-check  do the dependencies have wheels on every platform?"
	@echo "make lint          types of the engine, who may import whom, docs"
	@echo "make setup         only the virtual environments, in $(VENV) and $(DVCENV)"
	@echo "make clean         remove what make made"

setup:
	@$(MAKE) --no-print-directory -j2 $(VENV)/.servers $(VENV)/.compiled $(DVCENV)/.ready

# what both environments need; asked each time, it makes nothing out of date
python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "dataver needs Python 3.11 or later; name one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "Python's venv is missing. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@command -v git >/dev/null || { echo "git is missing. On Debian and Ubuntu: apt install git" >&2; exit 1; }

$(BIN)/python: | python
	$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q uv || true

# by uv, which takes a tenth of pip's time; by pip where uv has no wheel or is not told where packages are.
# Neither compiles: what is imported gets compiled, and that once
install = $(BIN)/python -m uv pip install -q --python $(1)/bin/python $(2) || $(1)/bin/python -m pip install -q --no-compile $(2)

$(VENV)/.ready: pyproject.toml package-lock.json hatch_build.py | $(BIN)/python
	$(call install,$(VENV),-e .)
	@touch $@

# not on top of .ready, which would build and solve twice
$(VENV)/.tests: pyproject.toml package-lock.json hatch_build.py | $(BIN)/python
	$(call install,$(VENV),-e '.[test]')
	@touch $(VENV)/.ready
	@command -v chromium >/dev/null && command -v chromedriver >/dev/null || \
		echo "Chromium is missing, so the tests of the pages will be skipped. On Debian and Ubuntu: apt-get install chromium chromium-driver"
	@touch $@

# by one process, before many begin
$(VENV)/.compiled: $(VENV)/.tests
	@$(BIN)/python -m pytest -q --collect-only tests >/dev/null
	@touch $@

# Azurite, the Azure server of the tests; without it those tests are skipped and say so
$(VENV)/.servers: tests/servers/azurite/package-lock.json $(VENV)/.tests
	@$(BIN)/python -m tests.servers.install || echo "Azurite could not be installed: the tests of Azure will be skipped"
	@command -v sshd >/dev/null || test -x /usr/sbin/sshd || \
		echo "sshd is missing, so the tests of SSH will be skipped. On Debian and Ubuntu: apt-get install openssh-server"
	@touch $@

# dvc and DVCLive live in an environment of their own: they are only what we are compared and tried with
$(DVCENV)/.ready: Makefile | $(BIN)/python
	$(PYTHON) -m venv $(DVCENV)
	$(call install,$(DVCENV),$(PEERS))
	@touch $@

demo: $(VENV)/.ready
	@$(BIN)/python fixtures/demo.py '$(DEMO)'

test: setup
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder tests

compat: setup
	COMPAT_STEPS=$${COMPAT_STEPS:-500} $(BIN)/python -m pytest -n $(JOBS) tests/compat

pages: setup
	PAGES_ALL=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadfile tests/web

faults: setup
	FAULTS_ALL=1 $(BIN)/python -m pytest -n $(JOBS) tests/faults

soak: setup
	$(BIN)/python -m tests.faults.queuesoak --runs $${SOAK_RUNS:-300} --workers 4

docs: $(VENV)/.ready
	$(BIN)/python -m launcher.commanddocs docs/commands
	$(BIN)/python -m tests.compat.improvements > docs/differences.md

lint: $(VENV)/.tests
	@$(BIN)/python -c 'import mypy' 2>/dev/null || $(BIN)/python -m pip install -q -e '.[lint]'
	$(BIN)/python -m mypy --strict --ignore-missing-imports tracking/engine remotes/engine pipelines/engine launcher/engine
	$(BIN)/python -m pytest tests/test_architecture.py tests/test_docs.py

# pip evaluates environment markers for the machine it runs on, so this asks what has wheels
wheels-check: $(VENV)/.tests
	$(BIN)/python .ci/wheels_check.py

clean:
	rm -rf $(VENV) $(DVCENV) build dist .pytest_cache
