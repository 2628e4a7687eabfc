"""Random people of a base, and how a person looks in several worlds."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from adapter.eg3d import Generator, Parts
from adapter.eg3d.camera import cameras_around_front
from adapter.eg3d.samples import Samples

GROUPS = 4
"""Runs of neighbouring rows of an extended latent that edits move by themselves: coarse, middle, fine, finest."""


@torch.no_grad()
def draw_people(generator: Generator, count: int, seed: int = 0) -> Iterator[Tensor]:
    """Random people: ws [1, num_ws, w] of each; more people with the same seed begin with the same ones."""
    random = torch.Generator().manual_seed(seed)
    for _ in range(count):
        yield generator.sample_ws(torch.randn(1, generator.config.z_dim, generator=random))


@torch.no_grad()
def draw_mixed_people(generator: Generator, count: int, seed: int = 0) -> Iterator[Tensor]:
    """People whose groups of rows come from different latents (style mixing, Karras et al. 2019): w [G, w] of each."""
    random = torch.Generator().manual_seed(seed)
    for _ in range(count):
        yield generator.sample_ws(torch.randn(GROUPS, generator.config.z_dim, generator=random))[:, 0]


def spread_over_rows(groups: Tensor, rows: int) -> Tensor:
    """What the rows of an extended latent are [..., rows, w] from one w for each group of them [..., G, w].

    Groups are equally long, as far as rows can be divided; the last ones are a row shorter.
    """
    count = groups.shape[-2]
    sizes = [rows // count + (k < rows % count) for k in range(count)]
    return groups.repeat_interleave(torch.tensor(sizes, device=groups.device), dim=-2)


def looks(generator: Generator, ws: Tensor, worlds: Sequence[Parts | None], yaw: float = 0.0) -> list[Tensor]:
    """One person [1, num_ws, w] in several worlds: an image [1, 3, S, S] of each; None is the base's.

    All worlds that share the base's backbone read the same samples. ``yaw`` is in radians from the front.
    """
    camera = cameras_around_front(generator.config, torch.tensor([yaw])).to(generator.device)
    samples: Samples | None = None
    images: list[Tensor] = []
    for parts in worlds:
        rows = ws if parts is None else parts.rows(ws)
        if parts is not None and parts.synthesis is not None:
            planes = generator.planes(rows, synthesis=parts.synthesis)
            rendered = generator.render(planes, camera, parts=parts)
        else:
            samples = generator.sample(generator.planes(ws), camera) if samples is None else samples
            rendered = generator.march(samples, parts)
        images.append(generator.image(rendered, camera, rows, parts))
    return images
