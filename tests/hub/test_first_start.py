"""A first start with a base of the Hub: the app says in a sentence what it does, and works on embedded weights."""

import dataclasses
import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from adapter.hub import bases
from adapter.hub.library import Entry, Library, catalog
from adapter.hub.remote import Remote
from adapter.service.jobs import render_pair
from adapter.service.requests import ExploreRequest
from adapter.service.settings import Settings

ASKED = {"BASE": "cars"}
MOST_LETTERS = 320


@pytest.fixture
def content(hub, tmp_path: Path, write_official, generator, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The app's library and one more base, which is a small official file on the loopback Hub."""
    content = write_official(tmp_path / "cars.pkl", generator).read_bytes()
    hub.add("alice/bases", {"cars.pkl": content})
    digest = hashlib.sha256(content).hexdigest()
    cars = Entry("cars", "Cars", "base", "x", repo="alice/bases", file="cars.pkl", sha256=digest, encoder="clip-heads")
    listed = Library((*catalog().bases, cars), catalog().domains)
    monkeypatch.setattr(bases, "catalog", lambda: listed)
    return content


@pytest.fixture
def start(remote: Remote, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    """Starts the app up to the point where its page is built: the base that it chose, and what it printed."""

    def started(of: Remote = remote) -> tuple[str, list[str]]:
        monkeypatch.setattr(Remote.__init__, "__defaults__", (of.endpoint, of.cache, of.token))
        capsys.readouterr()
        settings = Settings.from_environment(ASKED).with_available_base(ASKED)
        return settings.base, capsys.readouterr().out.splitlines()

    return started


def assert_embedded(base: str, said: str) -> None:
    assert base == "faces"
    assert said.startswith("Base faces, read by clip-heads. ")
    assert said.endswith(" Until then, the embedded base is used.")
    assert len(said) <= MOST_LETTERS


def test_without_a_network(hub, content, start, remote: Remote):
    base, (said,) = start(dataclasses.replace(remote, endpoint="http://127.0.0.1:9"))
    assert_embedded(base, said)
    assert "Cars cannot be fetched: the Hub does not answer. Check the connection and try again." in said
    source, _ = render_pair(ExploreRequest(base=base))
    assert np.std(source) > 10, "it works on the embedded weights"


def test_with_half_a_cache(hub, content, start):
    """A connection that broke for good leaves nothing that is taken for the whole; the next start begins anew."""
    oid = hashlib.sha256(content).hexdigest()
    half = len(content) // 2
    hub.cuts[oid] = [half, *[0] * 50]
    base, said = start()
    assert_embedded(base, said[-1])
    hub.cuts.clear()
    base, said = start()
    assert base == "cars"
    assert said[-1] == "Base cars, read by clip-heads. BASE asks for cars."
    assert [line.split()[0] for line in said[:-1]] == ["Downloading", "Reading"]
    asked = len(hub.requests)
    assert start() == ("cars", said[-1:]), "the next start downloads and converts nothing"
    assert len(hub.requests) == asked


def test_with_a_full_disk(hub, content, start, monkeypatch: pytest.MonkeyPatch):
    usage = shutil.disk_usage("/")._replace(free=1 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    base, (said,) = start()
    assert_embedded(base, said)
    assert "Cars needs 27" in said
    assert "has 1 MB left. Free some space, or set HF_HOME to a folder on another disk." in said
    assert hub.transfers == []
