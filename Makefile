# Each recipe is what anyone could type; README.md spells the same steps out for machines without make.
PY ?= python3
VENV ?= .venv
TORCH ?= auto
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
FIRST = $(firstword $(sort $(wildcard notebooks/[0-9]*.ipynb)))
BENCHMARKS = $(sort $(wildcard tests/benchmarks/*.py))

# uv takes the build of torch that fits the machine: for an NVIDIA GPU where there is a driver, for the CPU elsewhere.
# A machine with its own store of wheels (PIP_FIND_LINKS) has made that choice already, unless TORCH says otherwise.
INSTALL = UV_FIND_LINKS="$(PIP_FIND_LINKS)" $(BIN)/uv pip install --python $(BIN)/python \
	$(if $(and $(PIP_FIND_LINKS),$(filter auto,$(TORCH))),,--torch-backend=$(TORCH)) --editable ".[dev]"

.PHONY: help lab test notebooks site bench lint clean
help:  ## say what else there is (this list)
	@sed -n 's/^\([a-z]*\):.*## /  make \1@/p' Makefile | awk -F@ '{printf "%-18s%s\n", $$1, $$2}'
	@echo "Options: PY=python3.12 (which Python), TORCH=cpu or TORCH=cu126 (which build), ARGS='...' (passed on)"

lab: $(STAMP)  ## install what is missing and open JupyterLab on the first lesson
	JUPYTER_CONFIG_PATH="$(CURDIR)/.jupyter" $(BIN)/jupyter lab --ServerApp.root_dir=. $(FIRST) $(ARGS)

# Two processes; all cells of a lesson, like all tests of a file, go to one of them.
test: $(STAMP)  ## install what is missing and run every test, the lessons among them (ARGS='-k ctc': some)
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

notebooks: $(STAMP)  ## rebuild the lessons whose text changed (ALL=1: all, after a change of the package or a widget)
	$(BIN)/python notebooks/build.py $(if $(ALL),--all) $(ARGS)

site: $(STAMP)  ## build the course as a web site, build/site/index.html, that works without network
	$(BIN)/python notebooks/site/build.py $(ARGS)

bench: $(STAMP)  ## measure: one program a question
	@for program in $(BENCHMARKS); do echo "$$program"; $(BIN)/python "$$program" || exit 1; done

lint: $(STAMP)  ## check style and form of the code, the lessons' and the widgets' too (make lint FIX=1: mend)
	$(BIN)/ruff check $(if $(FIX),--fix)
	$(BIN)/ruff format $(if $(FIX),,--check)
	$(BIN)/python tests/lint_widgets.py

clean:  ## remove the environment and the caches; your answers to the exercises stay
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

# The stamp comes last: an interrupted installation leaves none and is taken up again.
$(STAMP): pyproject.toml
	@$(PY) -c 'import sys; v = sys.version_info; (3, 11) <= v[:2] <= (3, 13) or sys.exit("CRNN Lessons needs Python 3.11, 3.12 or 3.13, and $(PY) is %d.%d. Name another one: make PY=python3.12" % v[:2])'
	$(PY) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet "uv>=0.8"
	@if [ "$(TORCH)" = auto ] && ! command -v nvidia-smi >/dev/null && $(INSTALL) --dry-run 2>&1 | grep -q "^ + nvidia-"; then \
		echo "Stopped: this would download gigabytes for an NVIDIA GPU, and none was found. Name the build: make lab TORCH=cpu (or TORCH=cu126)"; exit 1; fi
	$(INSTALL) --quiet
	@touch $@
