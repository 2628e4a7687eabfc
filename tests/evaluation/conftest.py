"""The tiny parts, made once."""

import json

import pytest

from tests.evaluation import tiny


@pytest.fixture(scope="session")
def judge():
    return tiny.make_judge()


@pytest.fixture(scope="session")
def generator():
    return tiny.make_generator()


@pytest.fixture(scope="session")
def encoder():
    return tiny.make_encoder(layers=2)


@pytest.fixture
def tools(judge, tmp_path):
    return tiny.make_tools(tmp_path / "out", judge)


@pytest.fixture
def contestants():
    return list(tiny.CONTESTANTS)


@pytest.fixture
def stored():
    """Reads a JSON file."""
    return lambda path: json.loads(path.read_text(encoding="utf-8"))
