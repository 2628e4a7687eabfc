"""Domains from strangers are checked before they are kept, under names that differ."""

from pathlib import Path

import pytest
import torch

from adapter.adaptation import Domain, DomainMetadata, fingerprint
from adapter.eg3d import PRESETS, Eg3d, Generator
from adapter.errors import UserError
from adapter.hub.share import MAX_DOMAIN_BYTES
from adapter.media.images import MAX_BYTES
from adapter.service import kept_files, library
from adapter.service.settings import Settings


@pytest.fixture
def settings(base: Path) -> Settings:
    return Settings(base=str(base))


@pytest.fixture
def domain(base: Path, tmp_path: Path) -> Path:
    """A file that fits the tiny base, which is the running one."""
    generator = Eg3d.from_pretrained(base)
    changed = {name: value + 0.1 for name, value in generator.parts().named_parameters() if "decoder" in name}
    path = tmp_path / "My nice_world!.safetensors"
    about = DomainMetadata(str(base), fingerprint(generator), "nada", prompt="a zombie", license="CC0-1.0")
    Domain.between(generator.parts(), changed, about).save(path)
    return path


def test_a_good_file_is_copied_and_described(domain: Path, tmp_path: Path, settings: Settings):
    first, second = (library.accept(domain, tmp_path / "mine", settings) for _ in range(2))
    domain.unlink()
    assert first.path.is_file()
    assert first.path.parent == tmp_path / "mine"
    assert first.name != second.name
    assert (first.title, first.licence) == ("My nice world", "CC0-1.0")
    assert "a zombie" in first.note


def test_a_domain_of_another_base_is_refused(domain: Path, tmp_path: Path, settings: Settings, base: Path):
    other = Eg3d.from_pretrained(base)
    with torch.no_grad():
        next(other.parameters()).add_(1)
    path = tmp_path / "other.safetensors"
    Domain.between(other.parts(), {}, DomainMetadata("other", fingerprint(other), "nada")).save(path)
    with pytest.raises(UserError, match="made from the base 'other'"):
        library.accept(path, tmp_path / "mine", settings)
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04" + bytes(600), b"\x80\x04cos\nsystem\n" + bytes(50)])
def test_other_files_are_refused(domain: Path, tmp_path: Path, settings: Settings, content: bytes):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    with pytest.raises(UserError):
        library.accept(path, tmp_path / "mine", settings)
    assert not (tmp_path / "mine").exists()


def test_a_file_that_is_too_large_is_not_even_read(domain: Path, tmp_path: Path, settings: Settings):
    path = tmp_path / "large.safetensors"
    with path.open("wb") as file:
        file.truncate(kept_files.MAXIMUM_BYTES + 1)
    with pytest.raises(UserError, match="too large for a domain: the largest ones have 64 MB"):
        library.accept(path, tmp_path / "mine", settings)


def test_a_whole_generator_of_the_largest_base_fits():
    """Such a file holds the differences of all weights in half precision."""
    with torch.device("meta"):
        weights = sum(parameter.numel() for parameter in Generator(PRESETS["ffhq512"]).parameters())
    assert MAX_BYTES < 2 * weights < 0.99 * kept_files.MAXIMUM_BYTES, "larger than any picture may be"
    assert kept_files.MAXIMUM_BYTES <= MAX_DOMAIN_BYTES, "what the Hub has is as large"


def test_an_unknown_name_lists_what_there_is():
    with pytest.raises(UserError, match="no domain called"):
        library.find("no-such-world", Settings())
