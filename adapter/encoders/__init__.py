"""Frozen networks that read images and words: CLIP, VGG, LPIPS, and the styles that the embedded CLIP can read."""

from adapter.encoders.encoder import Encoded, ImageEncoder, load_clip, load_encoder, load_text_encoder
from adapter.encoders.lpips import Lpips, load_lpips
from adapter.encoders.templates import apply_templates, encode_ensemble
from adapter.encoders.text import TextEncoder
from adapter.encoders.vgg import load_vgg

__all__ = [
    "Encoded",
    "ImageEncoder",
    "Lpips",
    "TextEncoder",
    "apply_templates",
    "encode_ensemble",
    "load_clip",
    "load_encoder",
    "load_lpips",
    "load_text_encoder",
    "load_vgg",
]
