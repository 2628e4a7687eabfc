PYTHON3 := python3
PYTHON := .venv/bin/python
CHROMIUM := /usr/bin/chromium
ROOT := $(if $(filter 0,$(shell id -u)),,sudo)
INSTALL := $(PYTHON) -m pip install --quiet --disable-pip-version-check
VERSIONS := (3, 11) <= sys.version_info[:2] <= (3, 13)

.PHONY: demo test test-pages test-rest test-fast check soak browser gpu-check table ablations parts turning

demo: .venv/app
	$(PYTHON) app.py

test: .venv/dev browser check
	$(MAKE) --jobs 2 test-pages test-rest

test-pages: .venv/dev browser
	$(PYTHON) -m pytest -m browser

# Three at a time, as many tests wait for an app; behind the pages, where waiting is timed.
test-rest: .venv/dev
	nice $(PYTHON) -m pytest -n 3 --dist loadfile -m "not browser"

# No browser and no slow test: under two minutes.
test-fast: .venv/dev
	$(PYTHON) -m pytest -n 2 -m "not slow and not browser"

# Ten visitors for five minutes, on connections that are cut at random.
soak: .venv/dev
	$(PYTHON) -m tests.e2e.soak --visitors 10 --minutes 5

check: .venv/dev
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

# Where there is a GPU: compares it with the CPU, then times every method at FFHQ512's size; see docs/performance.md.
gpu-check: .venv/dev
	$(PYTHON) -m adapter.evaluation.gpu_check

# The tables and the figure of docs/evaluation.md: adapts every method to the four held-out styles, and goes on where it
# stopped.
table: .venv/dev
	$(PYTHON) -m adapter evaluate --domains held-out --methods 3d-adapter:full 3d-adapter:long difa nada dorm finetune stylize \
		--out work/evaluate --table docs/evaluation.md --figure checkpoints/heads/methods.jpg

# The table of docs/ablations.md: 3D-Adapter without each of its losses, over four styles of the tuning domains and three
# seeds. It takes many hours and goes on where it stopped.
LOSSES := directional token-distribution image-structure feature-structure analogy colour-distribution \
	shallow-distribution background-colour background-variation moments view-consistency
ablations: .venv/dev
	$(PYTHON) -m adapter evaluate --domains bronze zombie watercolour "pencil sketch" --seeds 0 1 2 \
		--methods 3d-adapter:full $(addprefix 3d-adapter:full-no-,$(LOSSES)) \
		--out work/ablations --table docs/ablations.md

# The same for the trained parts and their order, "quick", on one style and with one seed; prints its table.
parts: .venv/dev
	$(PYTHON) -m adapter evaluate --domains porcelain --out work/parts --methods \
		$(addprefix 3d-adapter:,quick g1 tri-d g2 g1-tri-d g1-g2 joint all g2-then-tri-d)

# The turning picture of the README, from the orbit video.
turning: checkpoints/faces/showcase.webp

checkpoints/faces/showcase.webp: checkpoints/faces/showcase.mp4 | .venv/app
	$(PYTHON) docs/turning.py $< $@

browser:
	@test -x $(CHROMIUM) || ($(ROOT) apt-get update && $(ROOT) apt-get install -y --no-install-recommends chromium)

# An environment without pip, with another Python, or of a Python that is gone is made anew.
ifneq ($(shell $(PYTHON) -c "import sys, pip; sys.exit(not $(VERSIONS))" >/dev/null 2>&1 && echo usable),usable)
.PHONY: .venv/bin/pip
endif

.venv/bin/pip:
	@$(PYTHON3) -c "import sys; sys.exit(0 if $(VERSIONS) else '$(PYTHON3) is Python %d.%d, but this needs 3.11, 3.12 \
	or 3.13. Install one of them and name it: make demo PYTHON3=python3.12' % sys.version_info[:2])"
	$(PYTHON3) -m venv --clear .venv

.venv/app: requirements.txt .venv/bin/pip
	$(INSTALL) -r requirements.txt
	@touch $@

.venv/dev: requirements.txt requirements-dev.txt requirements-training.txt .venv/bin/pip
	$(INSTALL) -r requirements.txt -r requirements-training.txt -r requirements-dev.txt
	@touch $@ .venv/app
