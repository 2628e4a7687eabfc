"""A person's file: it opens again, fits its base, and refuses what strangers could bring."""

import json

import pytest
import torch
from safetensors.torch import save_file

from adapter.adaptation import fingerprint
from adapter.errors import UserError
from adapter.latents.directions import Direction, Directions
from adapter.latents.person import FORMAT, Person
from adapter.latents.person_scene import PersonScene


@pytest.fixture
def person(tiny) -> Person:
    z = torch.randn(1, tiny.config.z_dim, generator=torch.Generator().manual_seed(1))
    return Person(tiny.mapping(z)[0], "tiny", fingerprint(tiny), 0.2, -0.1, license="CC0-1.0")


def with_residual(person: Person, tiny, scale: float = 0.3) -> Person:
    shape = tiny.planes(person.ws[None]).values.shape[1:]
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(2)) * scale
    return Person(person.ws, person.base, person.base_fingerprint, residual=noise)


def test_it_opens_again(tiny, person, tmp_path) -> None:
    for one in (person, with_residual(person, tiny)):
        one.save(tmp_path / "person.safetensors")
        again = Person.load(tmp_path / "person.safetensors")
        again.check(tiny)
        torch.testing.assert_close(again.ws, one.ws)
        assert (again.base, again.yaw, again.pitch, again.license) == (one.base, one.yaw, one.pitch, one.license)
        assert (again.residual is None) == (one.residual is None)
        if again.residual is not None:
            torch.testing.assert_close(again.residual, one.residual, atol=1e-3, rtol=1e-3)


def test_the_scene_shows_source_target_edits_and_residual(tiny, person) -> None:
    parts = tiny.parts()
    with torch.no_grad():
        for parameter in parts.decoder.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0)))
    plain = PersonScene(tiny, person, tiny.parts()).pairs()
    assert plain.sources.shape == (1, 32, 32, 3)
    assert (plain.sources == plain.targets).all()
    other = PersonScene(tiny, person, parts).pairs()
    assert (other.sources == plain.sources).all()
    assert (other.targets != plain.targets).any()
    edit = Directions("w", (Direction("age", "younger", "older"),), torch.ones(1, 1, tiny.config.w_dim))
    edited = PersonScene(tiny, person, parts, {"age": 1.0}, edit).pairs()
    tuned = PersonScene(tiny, with_residual(person, tiny), parts).pairs()
    for changed in (edited, tuned):
        assert (changed.sources != other.sources).any()
        assert (changed.targets != other.targets).any()


def test_another_base_is_refused(tiny, person) -> None:
    with pytest.raises(UserError, match="other weights"):
        Person(person.ws, "other", "0" * 64).check(tiny)
    with pytest.raises(UserError, match="does not fit"):
        Person(person.ws[:1], "tiny", person.base_fingerprint).check(tiny)
    with pytest.raises(UserError, match="does not fit"):
        Person(person.ws, "tiny", person.base_fingerprint, residual=torch.zeros(1, 1, 2, 2)).check(tiny)


def about(**changes) -> dict:
    values = {
        "base": "tiny",
        "base_fingerprint": "0" * 64,
        "yaw": 0.0,
        "pitch": 0.0,
        "format_version": 1,
        "shapes": {"ws": [2, 4]},
    }
    return {**values, **changes}


@pytest.mark.parametrize(
    ("metadata", "tensors", "match"),
    [
        ({}, {"ws": torch.zeros(2, 4)}, "not a person's file"),
        ({"format": "3d-adapter-domain"}, {"ws": torch.zeros(2, 4)}, "not a person's file"),
        ({"format": FORMAT}, {"ws": torch.zeros(2, 4)}, "damaged description"),
        ({"format": FORMAT, "person": "[]"}, {"ws": torch.zeros(2, 4)}, "damaged description"),
        ({"format": FORMAT, "person": "[" * 5000}, {"ws": torch.zeros(2, 4)}, "damaged description"),
        ({"format": FORMAT, "person": json.dumps(about(format_version=9))}, {"ws": torch.zeros(2, 4)}, "version"),
        ({"format": FORMAT, "person": json.dumps(about(shapes={}))}, {"ws": torch.zeros(2, 4)}, "does not hold"),
        (
            {"format": FORMAT, "person": json.dumps(about(shapes={"ws": [1 << 20, 1 << 20]}))},
            {"ws": torch.zeros(2, 4)},
            "does not hold",
        ),
        ({"format": FORMAT, "person": json.dumps(about(shapes={"ws": [2, 5]}))}, {"ws": torch.zeros(2, 4)}, "shape"),
        ({"format": FORMAT, "person": json.dumps(about())}, {"other": torch.zeros(2, 4)}, "lacks ws"),
        ({"format": FORMAT, "person": json.dumps(about())}, {"ws": torch.full((2, 4), torch.nan)}, "not finite"),
        ({"format": FORMAT, "person": json.dumps(about())}, {"ws": torch.full((2, 4), 1e9)}, "no person has"),
        ({"format": FORMAT, "person": json.dumps(about(yaw="left"))}, {"ws": torch.zeros(2, 4)}, "damaged"),
    ],
)
def test_strangers_files_are_a_sentence(metadata, tensors, match, tmp_path) -> None:
    save_file(tensors, tmp_path / "stranger.safetensors", metadata=metadata)
    with pytest.raises(UserError, match=match):
        Person.load(tmp_path / "stranger.safetensors")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04" + bytes(100), b"\x80\x04." + bytes(100), bytes(64)])
def test_other_files_are_a_sentence(content, tmp_path) -> None:
    (tmp_path / "person.safetensors").write_bytes(content)
    with pytest.raises(UserError):
        Person.load(tmp_path / "person.safetensors")
