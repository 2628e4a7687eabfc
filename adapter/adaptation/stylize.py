"""2D style transfer, picture by picture: what a method without a 3D generator can do, and where it falls short."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from adapter.adaptation.guidance import Guidance
from adapter.adaptation.objective import ActiveLosses, Objective
from adapter.adaptation.schedule import learning_rate_share, random_of_step
from adapter.adaptation.source_cache import encode_images
from adapter.encoders.encoder import ImageEncoder
from adapter.errors import UserError
from adapter.losses.base import Sources, total
from adapter.methods import Method

START_NOISE = 0.05
"""Each picture starts with noise of its own, as style transfer by optimization does (Gatys et al. 2016)."""


def stylize_frames(
    images: Tensor,
    encoder: ImageEncoder | Sequence[ImageEncoder],
    guidance: Guidance | Tensor,
    method: Method,
    seed: int = 0,
    group: int = 8,
    progress: Callable[[int, int], None] | None = None,
) -> Tensor:
    """Optimize the pixels of every picture alone under a method's losses (in the manner of Gatys et al. 2016).

    Args:
        images: source pictures [N, 3, H, W] in [-1, 1].
        encoder: one or several frozen encoders, on the images' device.
        guidance: references [K, 3, H, W], or a `Guidance`.
        method: one that works per frame.
        seed: of the starting noise.
        group: pictures at a time; changes nothing but memory.
        progress: called with (pictures done, pictures to do).

    Returns:
        Pictures [N, 3, H, W] in [-1, 1].

    Raises:
        UserError: a method that trains a generator.
    """
    if not method.per_frame:
        raise UserError(f"{method.name} changes the generator, not pictures. Use adapt.")
    encoders = list(encoder) if isinstance(encoder, Sequence) else [encoder]
    guidance = (guidance if isinstance(guidance, Guidance) else Guidance(guidance)).to(images.device)
    done = []
    for number, few in enumerate(images.split(group)):
        done.append(_optimize(few, encoders, guidance, method, random_of_step(seed, number)))
        if progress:
            progress(min(len(images), (number + 1) * group), len(images))
    return torch.cat(done)


def _optimize(
    images: Tensor, encoders: list[ImageEncoder], guidance: Guidance, method: Method, random: torch.Generator
) -> Tensor:
    objective = Objective(encoders, method, _sources(images, encoders, guidance, method), guidance)
    noise = torch.randn(images.shape, generator=random).to(images.device)
    pixels = (images + START_NOISE * noise).requires_grad_()
    stage = method.stages[0]
    optimizer = torch.optim.Adam([pixels], lr=stage.learning_rate, betas=method.betas)
    index = list(range(len(images)))
    for step in range(stage.steps):
        share = learning_rate_share(step, stage.steps, 1, method.final_rate)
        optimizer.param_groups[0]["lr"] = stage.learning_rate * share
        # Losses are means over the batch; times its size, each picture gets the gradient that it would get alone.
        loss = total(objective(pixels, index, None, random, step).values()) * len(images)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            pixels.clamp_(-1, 1)
    return pixels.detach()


@torch.no_grad()
def _sources(images: Tensor, encoders: list[ImageEncoder], guidance: Guidance, method: Method) -> Sources:
    """The pictures as sources that show heads everywhere, and no shape."""
    active = ActiveLosses.of(method, guidance)
    shape = images.new_ones(len(images), 1, *images.shape[-2:])
    encoded = encode_images(encoders, images, active.layers, active.embedding)
    return Sources(images.new_zeros(len(images), 25), images, shape, shape, images, encoded)
