"""VGG behind the interface of the image encoders."""

from pathlib import Path

import pytest
import torch

from adapter.encoders.vgg import LAYERS, TRUNK, load_vgg, with_vgg
from adapter.errors import UserError
from adapter.utils.storage import read_tensors
from adapter.utils.torchvision_compat import ensure_torchvision
from tests.helpers.tiny_encoder import make_encoder


def pictures(count: int = 2, side: int = 32) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_its_maps_are_torchvisions():
    ensure_torchvision()
    from torchvision.models import vgg16

    trunk = {key: value.float() for key, value in read_tensors(TRUNK).items()}
    network = vgg16(weights=None).features[:16]
    network.load_state_dict({key.removeprefix("features."): value for key, value in trunk.items()})
    images = pictures()
    mean, std = (torch.tensor(x).view(3, 1, 1) for x in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    with torch.no_grad():
        expected = network((images / 2 + 0.5 - mean) / std).flatten(2).transpose(1, 2)
        found = load_vgg(32).encode(images, ["relu3_3"], embedding=False)
    assert torch.allclose(found.tokens["relu3_3"], expected, atol=1e-3)


def test_layers_have_their_grids_and_gradients_reach_the_images():
    vgg, images = load_vgg(32), pictures(1, 48).requires_grad_()
    found = vgg.encode(images, list(LAYERS), embedding=False)
    for layer, tokens in found.tokens.items():
        assert tokens.shape == (1, vgg.grid(layer) ** 2, LAYERS[layer][2])
    found.tokens["relu3_3"].mean().backward()
    assert images.grad.abs().sum() > 0
    with pytest.raises(ValueError, match="embedding"):
        vgg.encode(images)


def test_vgg_joins_a_clip_only_if_its_layers_are_read():
    clip = make_encoder(2)
    assert with_vgg(clip, clip.layers[:1]) is clip
    both = with_vgg(clip, (clip.layers[0], "relu1_1"))
    images = pictures(1, 32)
    found = both.encode(images, (clip.layers[0], "relu1_1"))
    alone = clip.encode(images, (clip.layers[0],))
    assert torch.equal(found.joint, alone.joint)
    assert torch.equal(found.tokens[clip.layers[0]], alone.tokens[clip.layers[0]])
    assert found.tokens["relu1_1"].shape == (1, both.grid("relu1_1") ** 2, 64)
    assert both.encode(images, ("relu1_1",), embedding=False).embedding is None
    assert both.grid(clip.layers[0]) == clip.grid(clip.layers[0])


def test_in_bf16_its_maps_stay_within_a_hundredth_and_are_fp32():
    images = pictures(1, 64).requires_grad_()
    exact, rounded = (
        load_vgg(64, cpu_dtype=dtype).encode(images, list(LAYERS), embedding=False).tokens
        for dtype in (torch.float32, torch.bfloat16)
    )
    for layer, tokens in rounded.items():
        assert tokens.dtype == torch.float32
        assert 0 < (tokens - exact[layer]).norm() < 1e-2 * exact[layer].norm()
    (gradient,) = torch.autograd.grad(rounded["relu3_3"].square().sum(), images)
    (expected,) = torch.autograd.grad(exact["relu3_3"].square().sum(), images)
    assert torch.nn.functional.cosine_similarity(gradient.flatten(), expected.flatten(), dim=0) > 0.99


def test_a_missing_trunk_is_told(tmp_path: Path):
    with pytest.raises(UserError):
        load_vgg(trunk=tmp_path / "model.safetensors")
