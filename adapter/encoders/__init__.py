"""CLIP: encoders of images and of text, and the styles that the embedded one can read."""

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
