import pytest
import torch
from torch import nn

from adapter.encoders.efficientnet_lite import FrozenEfficientNetLite
from adapter.utils.torchvision_compat import ensure_torchvision

ensure_torchvision()
import timm  # noqa: E402


def random_trunk(name: str = "tf_efficientnet_lite0") -> nn.Module:
    """A trunk with batch norms that do something."""
    torch.manual_seed(0)
    trunk = timm.create_model(name, pretrained=False).eval()
    for module in trunk.modules():
        if hasattr(module, "running_mean"):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.3)
    return trunk


def plain_outputs(trunk: nn.Module, images: torch.Tensor) -> list[torch.Tensor]:
    """Stem, stages and pooled head as timm computes them."""
    x = trunk.bn1(trunk.conv_stem(images))
    outputs = [x.clone()]
    for stage in trunk.blocks:
        x = stage(x)
        outputs.append(x.clone())
    return [*outputs, trunk.bn2(trunk.conv_head(x)).mean((2, 3))]


@pytest.fixture(scope="module")
def trunk() -> nn.Module:
    return random_trunk()


@pytest.mark.parametrize("size", [64, 70])
def test_equals_timm_with_its_batch_norms(trunk: nn.Module, size: int) -> None:
    images = torch.randn(2, 3, size, size)
    with torch.no_grad():
        expected = plain_outputs(trunk, images)
        found = FrozenEfficientNetLite(trunk)(images, 8)
    assert len(found) == len(expected) == 9
    for ours, theirs in zip(found, expected, strict=True):
        scale = theirs.abs().max()
        assert (ours - theirs).abs().max() < 1e-4 * scale


@pytest.mark.parametrize("size", [64, 70])
def test_gradient_equals_autograd_through_timm(trunk: nn.Module, size: int) -> None:
    weights = torch.Generator().manual_seed(1)
    images = torch.randn(2, 3, size, size, requires_grad=True)
    ours = FrozenEfficientNetLite(trunk)(images, 8)
    directions = [torch.randn(output.shape, generator=weights) for output in ours]

    def gradient(outputs) -> torch.Tensor:
        total = sum((output * direction).mean() for output, direction in zip(outputs, directions, strict=True))
        return torch.autograd.grad(total, images)[0]

    expected = gradient(plain_outputs(trunk, images))
    assert (gradient(ours) - expected).abs().max() < 1e-3 * expected.abs().max()


@pytest.mark.parametrize("index", range(9))
def test_gradient_of_each_output_alone(trunk: nn.Module, index: int) -> None:
    images = torch.randn(1, 3, 32, 32, requires_grad=True)
    network = FrozenEfficientNetLite(trunk)
    found = torch.autograd.grad(network(images, max(index, 1))[index].square().mean(), images)[0]
    expected = torch.autograd.grad(plain_outputs(trunk, images)[index].square().mean(), images)[0]
    assert (found - expected).abs().max() < 1e-3 * expected.abs().max()


def test_stops_at_the_depth_asked_for(trunk: nn.Module) -> None:
    images = torch.randn(1, 3, 32, 32)
    network = FrozenEfficientNetLite(trunk)
    assert [output.shape[1] for output in network(images, 3)] == list(network.channels[:4])


def test_strides_and_channels(trunk: nn.Module) -> None:
    network = FrozenEfficientNetLite(trunk)
    assert network.strides == (2, 2, 4, 8, 16, 16, 32, 32)
    assert network.channels == (32, 16, 24, 40, 80, 112, 192, 320, 1280)


def test_wrapping_leaves_the_trunk_alone(trunk: nn.Module) -> None:
    before = {name: value.clone() for name, value in trunk.state_dict().items()}
    FrozenEfficientNetLite(trunk)(torch.randn(1, 3, 32, 32), 8)
    assert all(torch.equal(before[name], value) for name, value in trunk.state_dict().items())


def test_refuses_other_trunks() -> None:
    with pytest.raises(ValueError, match="squeeze"):
        FrozenEfficientNetLite(timm.create_model("efficientnet_b0", pretrained=False).eval())
