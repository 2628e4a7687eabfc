"""Which bases visitors can choose, and what is told while one is on its way."""

import dataclasses
import threading
from pathlib import Path

import pytest
import yaml
from huggingface_hub import constants

from adapter.errors import UserError
from adapter.hub.library import LIBRARY, load_library
from adapter.service import arrivals as arriving
from adapter.service import library
from adapter.service.settings import Settings

EMBEDDED = [entry.name for entry in load_library().bases if entry.path is not None]


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "has_gpu", lambda: True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(library, "has_gpu", lambda: False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))


def names(settings: Settings) -> list[str]:
    return [entry.name for entry in library.bases(settings)]


def test_without_a_gpu_what_is_here(no_gpu):
    assert names(Settings(base="heads")) == EMBEDDED
    assert set(EMBEDDED) >= {"heads"}


def test_with_a_gpu_all_of_the_hub_but_no_source_twice(gpu, monkeypatch: pytest.MonkeyPatch):
    assert names(Settings(base="heads")) == [*EMBEDDED, "ffhq512", "afhqcats512"]
    assert "ffhq512-mirror" in names(Settings(base="ffhq512-mirror"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert names(Settings(base="heads")) == EMBEDDED


def test_a_base_of_ones_own_is_among_them(no_gpu, tmp_path: Path):
    own, *others = library.bases(Settings(base=str(tmp_path), encoder="ViT-B-32"))
    assert (own.name, own.title, own.encoder) == (str(tmp_path), tmp_path.name, "ViT-B-32")
    assert [entry.name for entry in others] == EMBEDDED


def test_the_encoder_and_the_domains_follow_the_base(gpu):
    start = Settings(base="heads")
    chosen = library.with_base(start, "ffhq512")
    assert (chosen.base, chosen.encoder) == ("ffhq512", "ViT-B-32")
    assert library.with_base(start, "heads") == start
    assert {entry.base for entry in library.usable_domains(chosen)} == {"ffhq512"}
    assert library.ready_domains(chosen)[0].base == "ffhq512"
    assert len(library.ready_domains(chosen)) == len(load_library().domains)
    with pytest.raises(UserError, match="'nothing' is not here"):
        library.with_base(start, "nothing")


def test_another_source_of_a_base_has_its_domains(gpu):
    mirror = Settings(base="ffhq512-mirror", encoder="ViT-B-32")
    elf = library.find("datid3d-elf", mirror)
    assert elf in library.usable_domains(mirror)
    assert library.base_of(elf, mirror) in ("ffhq512", "ffhq512-mirror")


def test_a_domain_whose_base_is_not_here_says_so(no_gpu):
    elf = library.find("datid3d-elf", Settings(base="heads"))
    with pytest.raises(UserError, match="Elf belongs to the base ffhq512, which is not here"):
        library.base_of(elf, Settings(base="heads"))


def test_jobs_do_not_wait_for_a_base(no_gpu):
    library.require_base(Settings(base="heads"))
    library.require_base(Settings(base="/some/folder"))
    with pytest.raises(UserError, match="FFHQ 512 is not here yet"):
        library.require_base(Settings(base="ffhq512"))


def test_what_comes_is_told_while_it_comes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(arriving, "_SECONDS_BETWEEN_LOOKS", 0.01)
    heard = threading.Event()

    def fetch(progress):
        progress(0.25, "Downloading Elf")
        assert heard.wait(5)

    told = arriving.arrivals(fetch)
    assert next(told) == "Downloading Elf (25%)"
    heard.set()
    assert list(told) == []

    def fail(progress):
        raise UserError("No.")

    with pytest.raises(UserError, match="No"):
        list(arriving.arrivals(fail))


def test_every_whole_generator_has_a_base_and_a_size():
    """The two bases and the seventeen domains that DATID-3D has on the Hub; trademarks last, under neutral titles."""
    listed = load_library()
    whole = [entry for entry in listed.domains if entry.is_whole_generator]
    assert len(whole) == 17
    assert [entry.base for entry in whole].count("ffhq512") == 14
    assert [entry.base for entry in whole].count("afhqcats512") == 3
    assert len({entry.file for entry in whole}) == 17
    assert all(entry.size == "about 378 MB" and "non-commercial" in entry.licence for entry in whole)
    trademarks = ("hobbit", "lego", "pixar", "mario", "tekken", "yoda", "zootopia")
    marked = [any(word in entry.file.lower() for word in trademarks) for entry in whole]
    assert marked == sorted(marked), "trademarked ones stand last"
    for entry in whole:
        assert not any(word in f"{entry.name} {entry.title} {entry.note}".lower() for word in trademarks)
    assert all(listed.base(name).raw_resolution == 128 for name in ("ffhq512", "afhqcats512"))


def test_a_library_of_ones_own(no_gpu, tmp_path: Path):
    base = dataclasses.asdict(load_library().base("heads"))
    (tmp_path / "mine").mkdir()
    entry = {"name": "mine", "title": "Mine", "licence": base["licence"], "encoder": "clip-heads", "path": "mine"}
    path = tmp_path / "library.yaml"
    path.write_text(yaml.safe_dump({"bases": [entry]}))
    assert path != LIBRARY
    assert names(Settings(base="mine", library=path)) == ["mine"]
