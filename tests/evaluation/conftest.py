"""The tiny parts, made once."""

import json

import pytest

from tests.evaluation import tiny


@pytest.fixture(scope="session")
def classifier():
    return tiny.make_classifier()


@pytest.fixture(scope="session")
def generator():
    return tiny.make_generator()


@pytest.fixture(scope="session")
def encoder():
    return tiny.make_encoder(layers=2)


@pytest.fixture
def eval_context(classifier, tmp_path):
    return tiny.make_context(tmp_path / "out", classifier)


@pytest.fixture
def entries():
    return list(tiny.ENTRIES)


@pytest.fixture
def stored():
    """Reads a JSON file."""
    return lambda path: json.loads(path.read_text(encoding="utf-8"))
