"""Text through a diffusion model: a reference picture made by img2img, and score distillation."""
