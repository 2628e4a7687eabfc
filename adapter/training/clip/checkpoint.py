"""The files of the embedded CLIP, as open_clip reads them."""

import copy
from pathlib import Path
from typing import Any

import torch
from torch import nn

from adapter.encoders.models import CONFIG_FILE, IMAGE_FILE, TEXT_FILE
from adapter.training.clip.trunk import imagenet_state
from adapter.utils.storage import write_json, write_tensors
from adapter.utils.torchvision_compat import ensure_torchvision

CONFIG: dict[str, Any] = {
    "model_cfg": {
        "embed_dim": 128,
        "custom_text": True,
        "vision_cfg": {
            "timm_model_name": "tf_efficientnet_lite0",
            "timm_model_pretrained": False,
            "timm_pool": "avg",
            "timm_proj": "mlp",
            "timm_drop": 0.0,
            "image_size": 128,
        },
        "text_cfg": {"context_length": 32, "vocab_size": 49408, "width": 64, "heads": 4, "layers": 2},
    },
    "preprocess_cfg": {
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "interpolation": "bicubic",
        "resize_mode": "shortest",
    },
}


def new_model(seed: int = 0) -> nn.Module:
    """Build the open_clip model: ImageNet trunk, everything else random."""
    ensure_torchvision()
    import open_clip

    model_config = copy.deepcopy(CONFIG["model_cfg"])
    model_config.pop("custom_text")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = open_clip.CustomTextCLIP(**model_config)
    trunk = {name: tensor for name, tensor in imagenet_state().items() if not name.startswith("classifier.")}
    model.visual.trunk.load_state_dict(trunk)
    open_clip.model.set_model_preprocess_cfg(model, CONFIG["preprocess_cfg"])
    return model


def save(model: nn.Module, folder: Path) -> None:
    """Write both towers in half precision, and the config, each file in one step."""
    config = copy.deepcopy(CONFIG)
    config["model_cfg"]["init_logit_scale"] = round(float(model.logit_scale.detach()), 4)
    for name, tower in ((IMAGE_FILE, model.visual), (TEXT_FILE, model.text)):
        tensors = {
            key: tensor.half() if tensor.is_floating_point() else tensor for key, tensor in tower.state_dict().items()
        }
        write_tensors(folder / name, tensors, {"format": "pt", "licence": "Apache-2.0"})
    write_json(folder / CONFIG_FILE, config)
