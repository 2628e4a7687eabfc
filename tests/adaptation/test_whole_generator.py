"""A generator of the same family as a domain: the same people in both, any strength, and refusals."""

import copy
import dataclasses

import pytest
import torch

from adapter.adaptation.domain import Domain, DomainMetadata, blend, fingerprint
from adapter.adaptation.whole_generator import METHOD, domain_of
from adapter.eg3d.camera import cameras_around_front
from adapter.errors import UserError
from adapter.scene import DomainScene, Identities
from tests.helpers.tiny_base import CONFIG

from .conftest import make_generator

CONDITIONED = dataclasses.replace(CONFIG, conditioning=25, label_std=True)


@pytest.fixture(scope="module")
def base():
    generator = make_generator(1, CONDITIONED)
    generator.backbone.mapping.w_avg.normal_()
    return generator


@pytest.fixture(scope="module")
def other(base):
    """Trained further in every part, from a snapshot of another rendering resolution."""
    generator = make_generator(1, dataclasses.replace(CONDITIONED, raw_resolution=11))
    generator.load_state_dict(base.state_dict())
    random = torch.Generator().manual_seed(2)
    for name, value in generator.state_dict().items():
        if not name.endswith(("resample_filter", "dataset_label_std")):
            value.add_(0.2 * torch.randn(value.shape, generator=random))
    return generator


def made(base, other, **changes):
    metadata = DomainMetadata("tiny", fingerprint(base), METHOD)
    config = dataclasses.replace(other.config, **changes)
    return domain_of(base, config, other.state_dict(), metadata, "elf.pkl")


@pytest.fixture(scope="module")
def domain(base, other):
    return made(base, other)


def images(generator, latents, psi, cameras):
    return generator.synthesis(generator.sample_ws(latents, psi), cameras).image


def test_the_same_latents_conditioning_and_camera_in_both(base, other, domain):
    """The target is what the other generator renders by itself at the base's resolution, truncated to its own mean."""
    resized = copy.deepcopy(other)
    resized.config = base.config
    people = Identities.draw(base, 2, seed=0, truncation=0.6)
    scene = DomainScene(people, domain.apply(base))
    cameras = cameras_around_front(base.config, torch.tensor([0.3, 0.3]), 0.1)
    source, target = scene._pairing.render(cameras)
    assert (source.image - images(base, people.latents, 0.6, cameras)).abs().max() < 1e-4
    expected = images(resized, people.latents, 0.6, cameras)
    assert target.image_raw.shape[-1] == base.config.raw_resolution
    assert (target.image - expected).abs().max() < 0.01 * (expected.max() - expected.min())
    assert (target.image - source.image).abs().mean() > 0.05 * source.image.std()


def test_strength_interpolates_every_weight(base, other, domain):
    half = domain.apply(base, 0.5)
    own, target = base.state_dict(), other.state_dict()
    for name in ("backbone.mapping.w_avg", "backbone.mapping.fc0.weight", "backbone.mapping.embed.bias"):
        value = half.replacement_mapping.state_dict()[name.removeprefix("backbone.mapping.")]
        assert torch.allclose(value, (own[name] + target[name]) / 2, atol=1e-3), name
    for name, value in half.synthesis.state_dict().items():
        name = f"backbone.synthesis.{name}"
        assert torch.allclose(value, (own[name] + target[name]) / 2, atol=1e-3), name
    for part in ("decoder", "superresolution"):
        for name, value in getattr(half, part).state_dict().items():
            assert torch.allclose(value, (own[f"{part}.{name}"] + target[f"{part}.{name}"]) / 2, atol=1e-3), name


def test_strength_zero_shows_the_base(base, domain):
    scene = DomainScene(Identities.draw(base, 2, seed=0, truncation=0.6), domain.apply(base, 0.0))
    pairs = scene.pairs(0.2)
    assert abs(pairs.sources.astype(int) - pairs.targets).max() <= 1


def test_codes_without_latents_go_into_the_other_backbone(base, domain):
    """An inverted photo has W+ codes and no z."""
    ws = base.sample_ws(torch.randn(1, base.config.z_dim, generator=torch.Generator().manual_seed(5)))
    parts = domain.apply(base)
    assert torch.equal(parts.rows(ws), ws)
    assert not torch.equal(base.planes(ws).values, base.planes(ws, synthesis=parts.synthesis).values)


def test_it_is_a_domain_file_like_any_other(base, domain, tmp_path):
    domain.save(tmp_path / "elf.safetensors")
    loaded = Domain.load(tmp_path / "elf.safetensors")
    small = Domain({"decoder.net.0.bias": domain.weights["decoder.net.0.bias"]}, domain.metadata)
    mixed = blend([loaded, small], [0.5, 0.5]).apply(base)
    whole = loaded.apply(base)
    assert torch.allclose(mixed.decoder.net[0].bias, whole.decoder.net[0].bias, atol=1e-3)
    assert mixed.replacement_mapping is not None


def test_equal_tensors_are_left_out(base, other):
    same = copy.deepcopy(other)
    same.backbone.load_state_dict(base.backbone.state_dict())
    names = {name.split(".")[0] for name in made(base, same).weights}
    assert names == {"decoder", "superresolution"}
    assert made(base, same).apply(base).synthesis is None


@pytest.mark.parametrize(
    ("change", "said"),
    [({"z_dim": 16}, "its z_dim is 16"), ({"conditioning_zero": True}, "its conditioning_zero is True")],
)
def test_another_family_is_refused(base, other, change, said):
    with pytest.raises(UserError, match=said):
        made(base, other, **change)


def test_the_base_itself_and_numbers_out_of_range_are_refused(base, other):
    with pytest.raises(UserError, match="is the base 'tiny' itself"):
        made(base, base)
    far = copy.deepcopy(other)
    far.decoder.net[0].weight.fill_(1e6)
    with pytest.raises(UserError, match=r"decoder\.net\.0\.weight is too far"):
        made(base, far)
