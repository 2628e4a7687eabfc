"""An untrained ViT of a few thousand weights behind the project's own interface."""

import types

import torch

from adapter.encoders.encoder import ImageEncoder
from adapter.utils.torchvision_compat import ensure_torchvision


def make_encoder(layers: int) -> ImageEncoder:
    """Four tokens a side, fixed random weights."""
    ensure_torchvision()
    from open_clip.transformer import VisionTransformer

    torch.manual_seed(1)
    visual = VisionTransformer(image_size=32, patch_size=8, width=16, layers=layers, heads=2, mlp_ratio=2, output_dim=8)
    visual.image_mean, visual.image_std = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)
    return ImageEncoder(types.SimpleNamespace(visual=visual))
