"""LPIPS against the package's own code on the same weights."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from adapter.encoders.lpips import TRUNK, load_lpips
from adapter.errors import UserError
from adapter.utils.storage import read_tensors
from adapter.utils.torchvision_compat import ensure_torchvision


def pictures(count: int, seed: int = 0, side: int = 64) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_it_gives_the_packages_own_numbers():
    ensure_torchvision()
    import lpips

    package = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False).eval()
    trunk = {key: value.float() for key, value in read_tensors(TRUNK).items()}
    package.net.load_state_dict({key: trunk[f"features.{key.split('.', 1)[1]}"] for key in package.net.state_dict()})
    a, b = pictures(2), pictures(2, seed=1)
    assert torch.allclose(load_lpips()(a, b), package(a, b).flatten(), rtol=1e-4)


def test_equal_images_have_no_distance_and_one_image_may_stand_for_many():
    model, images = load_lpips(), pictures(3)
    assert torch.allclose(model(images, images), torch.zeros(3))
    one = model.between(model.maps(images[:1]), model.maps(images))
    assert torch.allclose(one, model(images[:1].expand(3, -1, -1, -1), images))


def test_gradients_reach_images_even_where_nothing_answers():
    images = torch.zeros(1, 3, 64, 64, requires_grad=True)
    load_lpips()(images, pictures(1)).sum().backward()
    assert images.grad.isfinite().all()
    assert images.grad.abs().sum() > 0


def test_a_missing_trunk_is_told(tmp_path: Path):
    with pytest.raises(UserError):
        load_lpips(tmp_path / "alex.safetensors")
