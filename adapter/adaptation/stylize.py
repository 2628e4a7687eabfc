"""2D style transfer, picture by picture: what a method without a 3D generator can do, and where it falls short."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from adapter.adaptation.guidance import Guidance
from adapter.adaptation.objective import Objective, reads_embedding, token_layers
from adapter.adaptation.source_cache import Pool
from adapter.adaptation.trainer import random_of_step, schedule
from adapter.eg3d import Samples
from adapter.encoders.encoder import ImageEncoder
from adapter.errors import UserError
from adapter.methods.schema import Method

START_NOISE = 0.05
"""Each picture starts with noise of its own, as style transfer by optimisation does (Gatys et al. 2016)."""


def stylize_frames(
    images: Tensor,
    encoder: ImageEncoder | Sequence[ImageEncoder],
    guidance: Guidance | Tensor,
    method: Method,
    seed: int = 0,
    group: int = 8,
    progress: Callable[[int, int], None] | None = None,
) -> Tensor:
    """Optimise the pixels of every picture alone under a method's losses (in the manner of Gatys et al. 2016).

    Args:
        images: source pictures [N, 3, H, W] in [-1, 1].
        encoder: one or several frozen encoders, on the images' device.
        guidance: references [K, 3, H, W], or a `Guidance`.
        method: one that works per frame.
        seed: of the starting noise.
        group: pictures at a time; changes nothing but memory.
        progress: told (pictures done, pictures to do).

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
        done.append(_optimise(few, encoders, guidance, method, random_of_step(seed, number)))
        if progress:
            progress(min(len(images), (number + 1) * group), len(images))
    return torch.cat(done)


def _optimise(
    images: Tensor, encoders: list[ImageEncoder], guidance: Guidance, method: Method, random: torch.Generator
) -> Tensor:
    objective = Objective(encoders, method, _pool_of(images, encoders, guidance, method), guidance)
    noise = torch.randn(images.shape, generator=random).to(images.device)
    pixels = (images + START_NOISE * noise).requires_grad_()
    stage = method.stages[0]
    optimizer = torch.optim.Adam([pixels], lr=stage.learning_rate, betas=method.betas)
    index = list(range(len(images)))
    for step in range(stage.steps):
        optimizer.param_groups[0]["lr"] = stage.learning_rate * schedule(step, stage.steps, 1, method.final_rate)
        # Losses are means over the batch, so that the sum is what each picture would see alone.
        loss = sum(objective(pixels, index, None, random, step).values()) * len(images)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            pixels.clamp_(-1, 1)
    return pixels.detach()


@torch.no_grad()
def _pool_of(images: Tensor, encoders: list[ImageEncoder], guidance: Guidance, method: Method) -> Pool:
    layers, joint = token_layers(method, guidance), reads_embedding(method, guidance)
    empty = images.new_zeros(len(images), 0)
    nothing = Samples(empty, empty, 0)
    opacity = images.new_ones(len(images), 1, *images.shape[-2:])
    seen = tuple(encoder.encode(images, layers, joint) for encoder in encoders) if layers or joint else ()
    return Pool(empty, empty, empty, nothing, images, opacity, opacity, images, seen)
