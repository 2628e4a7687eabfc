"""The W+ encoder: shapes, gradients, files."""

import pytest
import torch

from adapter.eg3d import cameras_around_front
from adapter.errors import UserError
from adapter.latents import wplus_encoder
from adapter.latents.wplus_encoder import load_embedded, load_inverter, new_inverter
from adapter.utils.storage import write_json


@pytest.fixture(scope="module")
def fresh(tiny, clip):
    inverter = new_inverter("tiny", "0" * 64, tiny.config, clip, seed=1)
    torch.nn.init.normal_(inverter.head.ws.weight, std=0.1, generator=torch.Generator().manual_seed(0))
    return inverter


@pytest.fixture(scope="module")
def images():
    return torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_untrained_it_predicts_the_mean(tiny, clip, images) -> None:
    inverter = new_inverter("tiny", "", tiny.config, clip)
    inverter.head.w_avg.fill_(3.0)
    ws, angles = inverter.predict(images)
    assert ws.shape == (2, tiny.config.num_ws, tiny.config.w_dim)
    assert angles.shape == (2, 2)
    assert (ws == 3).all()


def test_gradients_reach_the_images(fresh, images) -> None:
    images = images.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(fresh(images).square().sum(), images)
    assert torch.isfinite(gradient).all()
    assert (gradient.abs().sum((1, 2, 3)) > 0).all()
    assert not any(parameter.requires_grad for parameter in fresh.parameters())


def test_gradient_agrees_with_differences(fresh, images) -> None:
    images = images[:1].clone().requires_grad_(True)
    value = fresh(images)[0, 0, 0]
    (gradient,) = torch.autograd.grad(value, images)
    step = gradient / gradient.norm() * 0.02
    with torch.no_grad():
        change = (fresh(images + step) - fresh(images - step))[0, 0, 0] / 2
    assert change.item() == pytest.approx((gradient * step).sum().item(), rel=0.1)


def test_files_bring_it_back(fresh, clip, images, tmp_path) -> None:
    fresh.save(tmp_path, {"steps": "3"})
    again = load_embedded(tmp_path, lambda _: clip)
    assert again.config == fresh.config
    torch.testing.assert_close(again(images), fresh(images), atol=2e-2, rtol=2e-2)


def test_another_base_is_refused(fresh) -> None:
    fresh.check("0" * 64)
    with pytest.raises(UserError, match="other weights"):
        fresh.check("1" * 64)


def test_damaged_files_are_a_sentence(fresh, clip, tmp_path) -> None:
    with pytest.raises(UserError):
        load_embedded(tmp_path, lambda _: clip)
    fresh.save(tmp_path)
    (tmp_path / "model.safetensors").write_bytes((tmp_path / "model.safetensors").read_bytes()[:1000])
    with pytest.raises(UserError, match="truncated"):
        load_embedded(tmp_path, lambda _: clip)
    write_json(tmp_path / "config.json", {"base": "tiny"})
    with pytest.raises(UserError, match="config"):
        load_embedded(tmp_path, lambda _: clip)


def test_a_base_without_an_encoder_has_none(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(wplus_encoder, "CHECKPOINTS", tmp_path)
    for base in ("heads", "ffhq512", "afhqcats512"):
        assert load_inverter(base) is None


def test_the_embedded_one_finds_people_of_its_base(heads, clip) -> None:
    inverter = load_inverter("heads", lambda _: clip)
    z = torch.randn(8, 32, generator=torch.Generator().manual_seed(5))
    yaw = torch.linspace(-0.4, 0.4, 8)
    with torch.no_grad():
        ws = heads.mapping(z)
        images = heads.synthesis(ws, cameras_around_front(heads.config, yaw, torch.zeros(8))).image
        found, angles = inverter.predict(images)
        mean = heads.backbone.mapping.w_avg
        assert (found - ws).square().sum() < 0.6 * (mean - ws).square().sum()
        guess, truth = ((x - mean).flatten(1) for x in (found, ws))
        cosine = torch.nn.functional.normalize(guess, dim=1) @ torch.nn.functional.normalize(truth, dim=1).T
    assert (cosine.argmax(1) == torch.arange(8)).sum() >= 7
    assert (angles[:, 0] - yaw).abs().mean() < 0.1
