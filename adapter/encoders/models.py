"""The CLIP models by name, and how open_clip creates them."""

import contextlib
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import nn

from adapter.errors import UserError
from adapter.utils.paths import CHECKPOINTS
from adapter.utils.storage import read_json, read_tensors
from adapter.utils.torchvision_compat import ensure_torchvision

CONFIG_FILE = "open_clip_config.json"
IMAGE_FILE = "image.safetensors"
TEXT_FILE = "text.safetensors"

# Name -> arguments of open_clip.create_model. OpenAI's weights were trained with QuickGELU.
HUB_MODELS: dict[str, dict[str, str]] = {
    "ViT-B-32": {"model_name": "ViT-B-32-quickgelu", "pretrained": "openai"},
    "ViT-B-16": {"model_name": "ViT-B-16-quickgelu", "pretrained": "openai"},
    "ViT-L-14": {"model_name": "ViT-L-14-quickgelu", "pretrained": "openai"},
}
EMBEDDED_MODELS: dict[str, Path] = {"clip-heads": CHECKPOINTS / "clip-heads"}


def create_model(name: str | Path) -> tuple[nn.Module, Any]:
    """Create a CLIP with its weights.

    Args:
        name: an embedded model, one of the Hub's, or a folder with `open_clip_config.json`, `image.safetensors`
            and `text.safetensors`.

    Returns:
        The open_clip model in evaluation mode, frozen, and its tokenizer.

    Raises:
        UserError: unknown name, weights that cannot be fetched or do not fit.
    """
    ensure_torchvision()
    import open_clip

    folder = EMBEDDED_MODELS.get(str(name), Path(name))
    if folder.is_dir():
        model = _from_folder(folder)
        tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    elif str(name) in HUB_MODELS:
        try:
            model = open_clip.create_model(**HUB_MODELS[str(name)])
        except (RuntimeError, OSError) as error:
            raise UserError(
                f"The weights of {name} could not be fetched. Check the connection, or use clip-heads."
            ) from error
        tokenizer = open_clip.get_tokenizer(HUB_MODELS[str(name)]["model_name"])
    else:
        known = ", ".join([*EMBEDDED_MODELS, *HUB_MODELS])
        raise UserError(f"There is no CLIP called {name}. Choose one of {known}, or name a folder.")
    return model.eval().requires_grad_(False), tokenizer


def _from_folder(folder: Path) -> nn.Module:
    """Read both towers with open_clip, which only logs what does not fit, and then check the files."""
    import open_clip

    if "model_cfg" not in read_json(folder / CONFIG_FILE):
        raise UserError(f"{folder.name}/{CONFIG_FILE} lacks model_cfg. Get a fresh copy of the folder.")
    image, text = folder / IMAGE_FILE, folder / TEXT_FILE
    with _quiet():
        model = open_clip.create_model(
            f"local-dir:{folder}",
            load_weights=False,
            pretrained_image_path=str(image),
            pretrained_text_path=str(text),
        )
    for path, tower in ((image, model.visual), (text, model.text)):
        read_tensors(path, {key: tuple(value.shape) for key, value in tower.state_dict().items()})
    return model


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence open_clip's warning that the two towers come from two files, in this thread alone."""
    thread = threading.get_ident()

    def others(record: logging.LogRecord) -> bool:
        return record.thread != thread

    logging.root.addFilter(others)
    try:
        yield
    finally:
        logging.root.removeFilter(others)
