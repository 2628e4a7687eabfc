"""Text to reference: img2img turns a render of the source into a picture of the prompt, then one-shot methods run.

The route of DATID-3D's first step (Kim et al. 2023), with one picture in place of a thousand.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from adapter.diffusion.models import check_prompt
from adapter.errors import UserError


@dataclass(frozen=True)
class ReferenceSettings:
    """Of the translation.

    Attributes:
        strength: share of the way to noise that the render is taken: 0 keeps it, 1 forgets it.
        steps: denoising steps that are computed (a turbo model needs 1 to 4, others about 30).
        guidance: classifier-free guidance; 0 for turbo models, which were trained without, about 7.5 for others.
        negative: what the picture should not be; only used with a guidance above 1.
        seed: of the noise.
        side: of the picture in pixels; the model's own where None.
    """

    strength: float = 0.65
    steps: int = 2
    guidance: float = 0.0
    negative: str = ""
    seed: int = 0
    side: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.strength <= 1:
            raise UserError("The strength of the translation must lie between 0 and 1.")
        if not 1 <= self.steps <= 200:
            raise UserError("The translation takes 1 to 200 steps.")
        if not 0 <= self.guidance <= 50:
            raise UserError("The guidance must lie between 0 and 50.")


@torch.no_grad()
def make_references(
    pipeline: Any,
    renders: Tensor,
    prompt: str,
    settings: ReferenceSettings | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> Tensor:
    """Turn renders of the source into pictures of the prompt, head in place.

    Args:
        pipeline: img2img pipeline as `adapter.diffusion.models.load_pipeline` gives it.
        renders: [N, 3, S, S] in [-1, 1].
        prompt: what the pictures should be, such as "a bronze statue, portrait".
        settings: the defaults, made for a one-step model, where None.
        on_step: called with steps done and to do; an exception from it stops the run.

    Returns:
        [N, 3, side, side] in [-1, 1], on the CPU: references for `adapter.adaptation`.

    Raises:
        UserError: an empty or too long prompt, renders of another shape, or a picture that the model withheld
            or that is not finite.
    """
    settings = settings or ReferenceSettings()
    check_prompt(pipeline, prompt)
    if renders.dim() != 4 or renders.shape[1] != 3 or renders.shape[2] != renders.shape[3] or not len(renders):
        raise UserError("Square colour renders are needed to make a reference from.")
    side = settings.side or native_side(pipeline)
    pictures = _to_pictures(renders, side)
    # Pipelines drop the steps before the starting point; this many leave ``settings.steps``.
    steps = math.ceil(settings.steps / settings.strength - 1e-9)
    output = pipeline(
        prompt=[prompt] * len(pictures),
        negative_prompt=[settings.negative] * len(pictures) if settings.guidance > 1 else None,
        image=pictures,
        strength=settings.strength,
        num_inference_steps=steps,
        guidance_scale=settings.guidance,
        generator=[torch.Generator().manual_seed(settings.seed + k) for k in range(len(pictures))],
        output_type="np",
        callback_on_step_end=_callback(on_step, settings.steps),
    )
    if any(getattr(output, "nsfw_content_detected", None) or ()):
        raise UserError("The diffusion model held its picture back. Try another prompt or seed.")
    images = torch.from_numpy(np.ascontiguousarray(output.images)).permute(0, 3, 1, 2).float() * 2 - 1
    if not torch.isfinite(images).all():
        raise UserError("The diffusion model gave a picture without numbers. Try another seed.")
    return images


def native_side(pipeline: Any) -> int:
    """Side in pixels of the pictures that a pipeline was trained on."""
    size = pipeline.unet.config.sample_size
    return (size if isinstance(size, int) else size[0]) * pipeline.vae_scale_factor


def _to_pictures(renders: Tensor, side: int) -> list[Image.Image]:
    sized = F.interpolate(renders.float().cpu(), (side, side), mode="bicubic", antialias=True)
    pixels = (sized * 127.5 + 128).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()
    return [Image.fromarray(one) for one in pixels]


def _callback(on_step: Callable[[int, int], None] | None, total: int) -> Callable | None:
    if on_step is None:
        return None

    def report(_pipeline: Any, step: int, _timestep: Any, values: dict) -> dict:
        on_step(step + 1, total)
        return values

    return report
