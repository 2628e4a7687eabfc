"""How the embedded CLIP was made: captions of styled renders, a projection and a small text transformer."""
