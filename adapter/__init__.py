"""One style image or one line of text in, a new 3D world of faces out."""

__version__ = "0.1.0"
