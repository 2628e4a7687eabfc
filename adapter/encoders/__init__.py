"""Models that look at images and read text."""

from adapter.encoders.encoder import Encoded, ImageEncoder, load_clip, load_encoder, load_text_encoder
from adapter.encoders.templates import apply_templates, encode_ensemble
from adapter.encoders.text import TextEncoder

__all__ = [
    "Encoded",
    "ImageEncoder",
    "TextEncoder",
    "apply_templates",
    "encode_ensemble",
    "load_clip",
    "load_encoder",
    "load_text_encoder",
]
