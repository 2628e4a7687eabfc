"""The domain file: exact round trips, strength and blending, and everything that must be refused."""

import copy
import dataclasses
import json
import struct

import pytest
import torch

from adapter.adaptation import domain as domain_module
from adapter.adaptation.domain import Domain, DomainMetadata, blend, fingerprint, fingerprint_images, hash_tensors
from adapter.adaptation.parts import copy_parts
from adapter.errors import UserError
from adapter.utils.storage import read_metadata, write_tensors

from .conftest import CONFIG, make_generator


def make_domain(generator, background=4, seed=3, license="CC0-1.0"):
    random = torch.Generator().manual_seed(seed)
    base, adapted = copy_parts(generator, background), copy_parts(generator, background)
    for parameter in adapted.parameters():
        parameter.data.add_(0.1 * torch.randn(parameter.shape, generator=random))
    metadata = DomainMetadata(
        base="tiny",
        base_fingerprint=fingerprint(generator),
        method="3d-adapter",
        prompt="ein Holzschnitt, schön",
        settings={"steps": [1, 2.5], "name": None},
        seed=seed,
        license=license,
    )
    return Domain.between(base, dict(adapted.named_parameters()), metadata)


@pytest.fixture
def domain(generator):
    return make_domain(generator)


@pytest.fixture
def path(domain, tmp_path):
    domain.save(tmp_path / "one.safetensors")
    return tmp_path / "one.safetensors"


def values(parts):
    return dict(parts.named_parameters())


def test_round_trip_is_bit_equal(domain, path, generator):
    loaded = Domain.load(path)
    assert loaded.metadata == domain.metadata
    assert loaded.weights.keys() == domain.weights.keys()
    for name, value in domain.weights.items():
        assert value.dtype == torch.float16
        assert torch.equal(loaded.weights[name], value)
    before, after = domain.apply(generator), loaded.apply(generator)
    assert all(torch.equal(value, values(after)[name]) for name, value in values(before).items())
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_saving_again_replaces_the_file(domain, path, generator):
    make_domain(generator, seed=4).save(path)
    assert Domain.load(path).metadata.seed == 4


def test_strength_zero_is_the_base_exactly(domain, generator):
    parts = domain.apply(generator, 0.0)
    assert parts.background is None
    own = values(generator.parts())
    assert values(parts).keys() == own.keys()
    assert all(torch.equal(value, own[name]) for name, value in values(parts).items())


def test_strength_one_is_the_domain_and_two_goes_as_far_again(domain, generator):
    base, once, twice = map(values, (copy_parts(generator, 4), domain.apply(generator), domain.apply(generator, 2)))
    for name, value in base.items():
        assert torch.equal(once[name], value + domain.weights[name].float())
        assert torch.allclose(twice[name] - once[name], once[name] - value, atol=1e-6)


def test_applying_leaves_the_base_alone(domain, generator):
    before = hash_tensors(generator.state_dict().items())
    domain.apply(generator, 1.5)
    assert hash_tensors(generator.state_dict().items()) == before


def test_the_fingerprint_is_computed_once_until_the_weights_change(monkeypatch):
    generator, computed = make_generator(seed=9), []
    genuine = domain_module.hash_tensors
    monkeypatch.setattr(domain_module, "hash_tensors", lambda state: computed.append(1) or genuine(state))
    first = fingerprint(generator)
    assert fingerprint(generator) == first
    assert len(computed) == 1
    with torch.no_grad():
        generator.decoder.net[0].bias.add_(1)
    assert fingerprint(generator) != first
    assert fingerprint(copy.deepcopy(generator)) == fingerprint(generator)


def test_files_spell_the_license_as_ever(path):
    described = json.loads(read_metadata(path)["domain"])
    assert described["licence"] == "CC0-1.0"
    assert "license" not in described


def test_only_the_parts_it_holds_are_changed(domain, generator):
    few = Domain({"decoder.net.0.bias": domain.weights["decoder.net.0.bias"]}, domain.metadata)
    own = values(generator.parts())
    changed = [name for name, value in values(few.apply(generator)).items() if not torch.equal(value, own[name])]
    assert changed == ["decoder.net.0.bias"]


def test_blend_is_the_weighted_sum(generator):
    one, two = make_domain(generator, seed=3), make_domain(generator, seed=4, license="MIT")
    mixed = blend([one, two], [0.25, 0.5])
    for name, value in mixed.weights.items():
        expected = 0.25 * one.weights[name].float() + 0.5 * two.weights[name].float()
        assert torch.equal(value, expected.half())
    assert mixed.metadata.method == "blend"
    assert mixed.metadata.license == "CC0-1.0; MIT"
    mixed.check(generator)


def test_blend_of_different_backgrounds(generator):
    small, large, none = (make_domain(generator, background=side) for side in (2, 4, 0))
    mixed = blend([small, large, none], [1, 1, 1])
    assert mixed.background == 4
    assert torch.isfinite(mixed.apply(generator).background).all()
    assert blend([none, none], [0.5, 0.5]).background == 0


def test_blend_refuses_different_bases(domain):
    foreign = dataclasses.replace(domain, metadata=dataclasses.replace(domain.metadata, base_fingerprint="0" * 64))
    with pytest.raises(UserError, match="different bases"):
        blend([domain, foreign], [0.5, 0.5])


def test_another_base_is_refused(domain):
    other = make_generator(seed=5)
    for refusing in (domain.check, domain.apply):
        with pytest.raises(UserError, match="tiny"):
            refusing(other)
    domain.apply(other, checked=True)


def test_a_base_of_another_shape_is_refused(domain):
    with pytest.raises(UserError, match="decoder"):
        domain.apply(make_generator(config=dataclasses.replace(CONFIG, decoder_hidden=10)), checked=True)


@pytest.mark.parametrize("shape", [(6, 3, 4), (5, 4, 4), (6, 32, 32), (96,)])
def test_a_background_that_cannot_be_shown_is_refused(domain, generator, shape):
    weights = {**domain.weights, "background": torch.zeros(shape, dtype=torch.float16)}
    with pytest.raises(UserError, match="background"):
        Domain(weights, domain.metadata).apply(generator)


def test_parameters_the_base_lacks_are_refused(domain, generator):
    weights = {**domain.weights, "camera.fc0.weight": torch.zeros(2, dtype=torch.float16)}
    with pytest.raises(UserError, match="camera"):
        Domain(weights, domain.metadata).apply(generator)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e6])
def test_values_beyond_half_precision_are_refused_when_made(generator, value):
    base = generator.parts()
    adapted = {"decoder.net.0.bias": torch.full_like(base.decoder.net[0].bias, value)}
    with pytest.raises(UserError, match="decoder"):
        Domain.between(base, adapted, DomainMetadata("tiny", "", "3d-adapter"))


def rewrite(path, weights=None, **changes):
    """Write the file anew with another description or other weights."""
    header = {**read_metadata(path), **changes}
    weights = Domain.load(path).weights if weights is None else weights
    write_tensors(path, weights, {key: value for key, value in header.items() if value is not None})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": None}, "not a domain"),
        ({"format": "lora"}, "not a domain"),
        ({"domain": "{"}, "damaged"),
        ({"domain": "[]"}, "damaged"),
        ({"domain": None}, "damaged"),
        ({"shapes": None}, "damaged"),
        ({"shapes": '{"decoder.net.0.bias": 3}'}, "damaged"),
        ({"shapes": "{}"}, "holds"),
    ],
)
def test_foreign_or_damaged_descriptions_are_refused(path, changes, message):
    rewrite(path, **changes)
    with pytest.raises(UserError, match=message):
        Domain.load(path)


@pytest.mark.parametrize("change", [{"format_version": 2}, {"seed": "x"}, {"base": None}, {"more": 1}, {"settings": 3}])
def test_descriptions_of_another_kind_are_refused(path, change):
    described = json.loads(read_metadata(path)["domain"])
    rewrite(path, domain=json.dumps({**described, **change}))
    with pytest.raises(UserError):
        Domain.load(path)


def test_only_files_with_noise_of_the_surface_need_a_newer_program(domain, path):
    plain = json.loads(read_metadata(path)["domain"])
    assert plain["format_version"] == 1
    assert "surface_noise" not in plain
    dataclasses.replace(domain, metadata=dataclasses.replace(domain.metadata, surface_noise=True)).save(path)
    assert json.loads(read_metadata(path)["domain"])["format_version"] == 2
    assert Domain.load(path).metadata.surface_noise


def test_newer_format_is_named(path):
    described = json.loads(read_metadata(path)["domain"])
    rewrite(path, domain=json.dumps({**described, "format_version": 9}))
    with pytest.raises(UserError, match="format 9"):
        Domain.load(path)


def bad_weights(kind, weights):
    name = "decoder.net.0.bias"
    changed = dict(weights)
    if kind == "extra":
        changed["more"] = torch.zeros(2, dtype=torch.float16)
    elif kind == "missing":
        del changed[name]
    elif kind == "shape":
        changed[name] = torch.zeros(3, dtype=torch.float16)
    elif kind == "nan":
        changed[name] = torch.full_like(changed[name], float("nan"))
    else:
        changed[name] = changed[name].float()
    return changed


@pytest.mark.parametrize("kind", ["extra", "missing", "shape", "nan", "precision"])
def test_other_weights_than_described_are_refused(path, kind):
    rewrite(path, bad_weights(kind, Domain.load(path).weights))
    with pytest.raises(UserError):
        Domain.load(path)


@pytest.mark.parametrize("keep", [0, 7, 100, -1])
def test_truncated_files_are_refused(path, keep):
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError):
        Domain.load(path)


@pytest.mark.parametrize("start", [struct.pack("<Q", 1 << 40), struct.pack("<Q", 1 << 62) + b"{", b"PK\x03\x04" * 99])
def test_huge_headers_and_other_formats_are_refused(path, start):
    path.write_bytes(start + path.read_bytes()[len(start) :])
    with pytest.raises(UserError):
        Domain.load(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"none\.safetensors"):
        Domain.load(tmp_path / "none.safetensors")


def test_fingerprint_of_images_counts_pixels_not_rounding():
    images = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1
    pixels = ((images * 127.5 + 128).floor() - 127.5) / 127.5
    assert fingerprint_images(images) == fingerprint_images(pixels)
    assert fingerprint_images(images) != fingerprint_images(images.flip(0))
