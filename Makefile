# make demo    set-up, then train and compare on data made on the spot
# make test    set-up, then all tests
# make test-onedl  set-up, then the tests of checkpoints, resuming and hooks
#              with onedl-mmengine in place of mmengine
# make test-gpu  set-up, then what needs a GPU: work_dirs/gpu.json
# make lint    set-up, then ruff and mypy
# make docs    set-up, then the reference of the public names: docs/_build/index.html
# make lock    write requirements/lock.txt anew from what .venv holds

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ONEDL := .venv-onedl
ONEDL_TESTS := tests/test_checkpoint.py tests/test_restricted_pickle.py tests/test_engine tests/test_bad_days \
	tests/test_tools/test_run.py tests/test_tools/test_screen.py
site = $(1)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))'
STAMP := $(VENV)/.installed
export OMP_NUM_THREADS ?= 2

.PHONY: demo test test-onedl test-gpu lint docs lock setup clean

setup: $(STAMP)

$(STAMP): requirements/lock.txt setup.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements/lock.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

demo: setup
	$(BIN)/python tools/demo/run_demo.py

test: setup
	$(BIN)/python -m pytest tests -n 2 --dist worksteal

# An environment of its own that finds everything else in .venv.
test-onedl: setup
	$(PYTHON) -m venv $(ONEDL)
	$(ONEDL)/bin/python -m pip install -q --disable-pip-version-check --no-deps onedl-mmengine==0.10.12
	$(call site,$(BIN)) > $$($(call site,$(ONEDL)/bin))/zz_the_rest.pth
	PYTHONPATH=. $(ONEDL)/bin/python -m pytest $(ONEDL_TESTS)

test-gpu: setup
	$(BIN)/python tools/analysis_tools/gpu_report.py

lint: setup
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: setup
	$(BIN)/python docs/make_reference.py

lock: setup
	$(BIN)/python -m pip freeze --all --exclude-editable --exclude pip --exclude mmseg-pseudoseg | sed 's/+cpu//' > requirements/lock.txt

clean:
	rm -rf $(VENV) $(ONEDL) build *.egg-info
