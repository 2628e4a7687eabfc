PYTHON := .venv/bin/python
CHROMIUM := /usr/bin/chromium
ROOT := $(if $(filter 0,$(shell id -u)),,sudo)

.PHONY: demo test check browser table ablations

demo: .venv/app
	$(PYTHON) app.py

test: .venv/dev browser check
	$(PYTHON) -m pytest

check: .venv/dev
	$(PYTHON) -m ruff check .

# The README's table and figure: adapts every method to the four held-out styles, and goes on where it stopped.
table: .venv/dev
	$(PYTHON) -m adapter evaluate --domains held-out --methods 3d-adapter:full 3d-adapter:long difa nada dorm finetune stylize \
		--out work/evaluate --table README.md --figure checkpoints/heads/methods.jpg

# The table of checkpoints/heads/ablations.md: 3D-Adapter with other parts, another order, or one loss less.
ABLATIONS := quick g1 tri-d g2 g1-tri-d g1-g2 joint all g2-then-tri-d no-directional no-token-distribution \
	no-image-structure no-feature-structure no-analogy no-colour-distribution no-shallow-distribution \
	no-background-colour no-background-variation no-moments no-view-consistency
ablations: .venv/dev
	$(PYTHON) -m adapter evaluate --domains porcelain --methods $(addprefix 3d-adapter:,$(ABLATIONS)) \
		--out work/evaluate --table checkpoints/heads/ablations.md

browser:
	@test -x $(CHROMIUM) || ($(ROOT) apt-get update && $(ROOT) apt-get install -y --no-install-recommends chromium)

.venv/bin/python:
	python3 -m venv .venv

.venv/app: requirements.txt | .venv/bin/python
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/dev: requirements.txt requirements-dev.txt requirements-training.txt | .venv/bin/python
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ .venv/app
