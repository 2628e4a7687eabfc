"""A model that looks at images for the evaluation only: no loss uses it, so no method can learn to please it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adapter.encoders.efficientnet_lite import FrozenEfficientNetLite
from adapter.encoders.models import CHECKPOINTS
from adapter.encoders.preprocessing import preprocess
from adapter.errors import UserError
from adapter.utils.storage import read_json, read_tensors
from adapter.utils.torchvision_compat import ensure_torchvision

TRUNK = "tf_efficientnet_lite1"
SIZE = 128
"""Side of the images that the judge looks at, in pixels."""
FOLDER = CHECKPOINTS / "classifier"
WEIGHTS_FILE, CONFIG_FILE = "classifier.safetensors", "classifier.json"
BATCH = 32
_UNUSED = ("conv_head.", "bn2.", "classifier.")


@dataclass(frozen=True)
class Seen:
    """What the judge says about N images.

    Attributes:
        maps: outputs of the trunk's stages, [N, C, H, W] each, shallow to deep.
        features: [N, D] standardised means and deviations of those maps; FID and KID are measured on them.
    """

    maps: tuple[Tensor, ...]
    features: Tensor


class Classifier(nn.Module):
    """Frozen trunk and linear heads; names styles and reads attributes.

    Args:
        trunk: see `make_trunk`.
        tensors: "mean" and "deviation" [D] of raw features over the training images, and for each question of
            `answers` "QUESTION.weight" [A, D] and "QUESTION.bias" [A].
        answers: the answers that can be given, by question: "style", and one for each attribute.
    """

    def __init__(
        self, trunk: FrozenEfficientNetLite, tensors: Mapping[str, Tensor], answers: Mapping[str, tuple]
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.answers = {question: tuple(values) for question, values in answers.items()}
        for name, tensor in tensors.items():
            self.register_buffer(name.replace(".", "_"), tensor.float(), persistent=False)
        self.eval().requires_grad_(False)

    @property
    def styles(self) -> tuple[str, ...]:
        """Names of all styles that the judge knows, the plain render's among them."""
        return self.answers["style"]

    @property
    def attributes(self) -> tuple[str, ...]:
        """Questions about a person."""
        return tuple(question for question in self.answers if question != "style")

    @torch.no_grad()
    def look(self, images: Tensor) -> Seen:
        """Look at images [N, 3, S, S] in [-1, 1], any S."""
        parts = [stage_maps(self.trunk, batch) for batch in images.to(self.mean.device).split(BATCH)]
        maps = tuple(torch.cat(stage) for stage in zip(*parts, strict=True))
        return Seen(maps, (pooled(maps) - self.mean) / self.deviation)

    def scores(self, features: Tensor, question: str) -> Tensor:
        """Scores [N, A] of the answers to a question, from features [N, D]."""
        return F.linear(features, getattr(self, f"{question}_weight"), getattr(self, f"{question}_bias"))

    def answer(self, features: Tensor, question: str) -> list[str]:
        """The answer with the highest score, for each image."""
        return [self.answers[question][index] for index in self.scores(features, question).argmax(dim=1).tolist()]


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
        raise UserError("The judge's weights do not fit this version of the program. Get a fresh copy of the folder.")
    # Never used, but left random it would make a different judge of every load.
    nn.init.zeros_(model.conv_head.weight)
    return FrozenEfficientNetLite(model)


@torch.no_grad()
def stage_maps(trunk: FrozenEfficientNetLite, images: Tensor) -> tuple[Tensor, ...]:
    """Outputs of the trunk's stages for images [N, 3, S, S] in [-1, 1]."""
    seen = preprocess(images.clamp(-1, 1), SIZE, (0.5,) * 3, (0.5,) * 3)
    return trunk(seen, len(trunk.stages))[1:]


def pooled(maps: tuple[Tensor, ...]) -> Tensor:
    """[N, D]: mean and standard deviation over places of every channel of every stage."""
    flat = [stage.flatten(2) for stage in maps]
    return torch.cat([*(x.mean(dim=2) for x in flat), *(x.std(dim=2, correction=0) for x in flat)], dim=1)


def load_judge(folder: str | Path = FOLDER) -> Classifier:
    """Load a judge.

    Raises:
        UserError: files that are missing, damaged or made for another version.
    """
    folder = Path(folder)
    answers = read_json(folder / CONFIG_FILE).get("answers")
    tensors = read_tensors(folder / WEIGHTS_FILE)
    if not isinstance(answers, dict) or "style" not in answers:
        raise UserError(f"{folder.name}/{CONFIG_FILE} lacks the judge's answers. Get a fresh copy of the folder.")
    trunk = {name.removeprefix("trunk."): t for name, t in tensors.items() if name.startswith("trunk.")}
    heads = {name: t for name, t in tensors.items() if not name.startswith("trunk.")}
    needed = {"mean", "deviation", *(f"{q}.{kind}" for q in answers for kind in ("weight", "bias"))}
    if needed != set(heads):
        raise UserError(f"{folder.name}/{WEIGHTS_FILE} does not fit its settings. Get a fresh copy of the folder.")
    return Classifier(make_trunk(trunk), heads, answers)
