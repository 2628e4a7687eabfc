"""The classifier of the evaluation: no loss uses it, so no method can be trained to please it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adapter.encoders.efficientnet_lite import FrozenEfficientNetLite
from adapter.encoders.preprocessing import preprocess
from adapter.errors import UserError
from adapter.utils.paths import CHECKPOINTS
from adapter.utils.storage import read_json, read_tensors
from adapter.utils.torchvision_compat import ensure_torchvision

TRUNK = "tf_efficientnet_lite1"
SIZE = 128
"""Side of the classifier's input, in pixels."""
FOLDER = CHECKPOINTS / "classifier"
WEIGHTS_FILE, CONFIG_FILE = "classifier.safetensors", "classifier.json"
BATCH = 32
_UNUSED = ("conv_head.", "bn2.", "classifier.")


@dataclass(frozen=True)
class ClassifierFeatures:
    """Features of N images.

    Attributes:
        maps: outputs of the trunk's stages, [N, C, H, W] each, shallow to deep.
        pooled: [N, D] standardised means and deviations of those maps; FID and KID are measured on them.
    """

    maps: tuple[Tensor, ...]
    pooled: Tensor


class Classifier(nn.Module):
    """Frozen trunk with linear heads: one for the style, one for each attribute of a person.

    Args:
        trunk: see `make_trunk`.
        tensors: "mean" and "deviation" [D] of raw features over the training images, and for each head of
            ``classes`` "HEAD.weight" [C, D] and "HEAD.bias" [C].
        classes: names of the classes, by head: "style", and one for each attribute.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self, trunk: FrozenEfficientNetLite, tensors: Mapping[str, Tensor], classes: Mapping[str, Sequence[str]]
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.classes = {head: tuple(names) for head, names in classes.items()}
        for name, tensor in tensors.items():
            self.register_buffer(name.replace(".", "_"), tensor.float(), persistent=False)
        self.eval().requires_grad_(False)

    @property
    def styles(self) -> tuple[str, ...]:
        """Names of all styles, the plain render's among them."""
        return self.classes["style"]

    @property
    def attributes(self) -> tuple[str, ...]:
        """Attributes of a person."""
        return tuple(head for head in self.classes if head != "style")

    @torch.no_grad()
    def features(self, images: Tensor) -> ClassifierFeatures:
        """Features of images [N, 3, S, S] in [-1, 1], any S."""
        parts = [stage_maps(self.trunk, batch) for batch in images.to(self.mean.device).split(BATCH)]
        maps = tuple(torch.cat(stage) for stage in zip(*parts, strict=True))
        return ClassifierFeatures(maps, (pool_maps(maps) - self.mean) / self.deviation)

    def predict(self, features: Tensor, head: str) -> list[str]:
        """Most likely class of a head for each row of pooled features [N, D]."""
        logits = F.linear(features, getattr(self, f"{head}_weight"), getattr(self, f"{head}_bias"))
        return [self.classes[head][index] for index in logits.argmax(dim=1).tolist()]


def make_trunk(weights: Mapping[str, Tensor]) -> FrozenEfficientNetLite:
    """EfficientNet-Lite1 without its last convolution.

    Args:
        weights: timm's tensors by name, without `conv_head`, `bn2` and `classifier`.
    """
    ensure_torchvision()
    import timm

    model = timm.create_model(TRUNK, pretrained=False).eval()
    missing, unknown = model.load_state_dict(dict(weights), strict=False)
    if unknown or any(not name.startswith(_UNUSED) for name in missing):
        raise UserError("The classifier's weights do not fit this program. Get a fresh copy of the folder.")
    # It is never used, but random values would make every load a different classifier.
    nn.init.zeros_(model.get_parameter("conv_head.weight"))
    return FrozenEfficientNetLite(model)


@torch.no_grad()
def stage_maps(trunk: FrozenEfficientNetLite, images: Tensor) -> tuple[Tensor, ...]:
    """Outputs of the trunk's stages for images [N, 3, S, S] in [-1, 1]."""
    pixels = preprocess(images.clamp(-1, 1), SIZE)
    return trunk(pixels, len(trunk.stages))[1:]


def pool_maps(maps: tuple[Tensor, ...]) -> Tensor:
    """[N, D]: mean and standard deviation over places of every channel of every stage."""
    flat = [stage.flatten(2) for stage in maps]
    return torch.cat([*(x.mean(dim=2) for x in flat), *(x.std(dim=2, correction=0) for x in flat)], dim=1)


def load_classifier(folder: str | Path = FOLDER) -> Classifier:
    """Load the classifier of a folder.

    Raises:
        UserError: files that are missing, damaged or made for another version.
    """
    folder = Path(folder)
    classes = read_json(folder / CONFIG_FILE).get("answers")
    tensors = read_tensors(folder / WEIGHTS_FILE)
    if not isinstance(classes, dict) or "style" not in classes:
        raise UserError(f"{folder.name}/{CONFIG_FILE} lacks the classifier's answers. Get a fresh copy of the folder.")
    trunk = {name.removeprefix("trunk."): t for name, t in tensors.items() if name.startswith("trunk.")}
    heads = {name: t for name, t in tensors.items() if not name.startswith("trunk.")}
    needed = {"mean", "deviation", *(f"{head}.{kind}" for head in classes for kind in ("weight", "bias"))}
    if needed != set(heads):
        raise UserError(f"{folder.name}/{WEIGHTS_FILE} does not fit its settings. Get a fresh copy of the folder.")
    return Classifier(make_trunk(trunk), heads, classes)
