"""How good the embedded base is, on latents it never saw."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from adapter.eg3d.camera import look_at
from adapter.eg3d.generator import Generator, Output
from adapter.evaluation.consistency import silhouette_overlap
from adapter.evaluation.lpips import distance, unit_maps
from adapter.evaluation.metrics import psnr
from adapter.evaluation.reprojection import reprojection_error
from adapter.training.base.data import Renders

EFFECT_RANGE = 1.8
"""Attributes are moved from minus to plus this many standard deviations."""
EFFECT_HEADS = 6
EFFECT_YAW = 0.25
SHOWN_ON = {"beard": ("sex", 1.2), "lipstick": ("sex", -1.2)}
"""Attributes that only some heads show, with another attribute's value for which they do."""


@torch.no_grad()
def held_out_metrics(
    generator: Generator, renders: Renders, perceive: Callable[[Tensor], list[Tensor]], limit: int | None = None
) -> dict[str, float]:
    """Means over held-out heads and their views.

    Returns:
        ``psnr`` and ``psnr_foreground`` in dB at the output resolution, ``mask_iou``, ``perceptual`` (LPIPS'
        form on the maps of ``perceive``), and ``reprojection`` of neighbouring views with the same for the truth.
    """
    values: dict[str, list[float]] = {}
    arrays = renders.arrays
    for index in range(min(limit or len(renders), len(renders))):
        cameras = torch.from_numpy(np.array(arrays["cameras"][index]))
        views = len(cameras)
        truth = torch.from_numpy(np.array(arrays["color"][index])).permute(0, 3, 1, 2).float() / 127.5 - 1
        mask = torch.from_numpy(np.array(arrays["mask"][index]))[:, None].float() / 255
        depth = torch.from_numpy(np.array(arrays["depth"][index]).astype(np.float32))[:, None]
        ws = generator.mapping(torch.from_numpy(np.array(arrays["latents"][index : index + 1])))
        out = _views(generator, ws, cameras)
        image = out.image.clamp(-1, 1)
        side = out.opacity.shape[-1]
        small_mask = F.interpolate(mask, size=(side, side), mode="area")
        small_depth = F.interpolate(depth, size=(side, side), mode="nearest")
        metrics = {
            "psnr": psnr(image, truth),
            "psnr_foreground": psnr(image, truth, mask),
            "mask_iou": silhouette_overlap(out.opacity, small_mask),
            "perceptual": distance(unit_maps(perceive(image)), unit_maps(perceive(truth))),
        }
        if views > 1:
            here, there = slice(0, views - 1), slice(1, views)
            metrics["reprojection"] = reprojection_error(
                *(image[here], out.depth[here], out.opacity[here], cameras[here]),
                *(image[there], out.depth[there], out.opacity[there], cameras[there]),
            )
            metrics["reprojection_truth"] = reprojection_error(
                *(truth[here], small_depth[here], small_mask[here], cameras[here]),
                *(truth[there], small_depth[there], small_mask[there], cameras[there]),
            )
        for name, value in metrics.items():
            values.setdefault(name, []).extend(value.tolist())
    return {name: float(np.mean(value)) for name, value in values.items()}


def _views(generator: Generator, ws: Tensor, cameras: Tensor) -> Output:
    planes = generator.planes(ws).repeat(len(cameras))
    ws = ws.expand(len(cameras), -1, -1)
    rendered = generator.render(planes, cameras)
    image = generator.superresolve(rendered.features, ws)
    return Output(image, rendered.rgb, rendered.depth, rendered.opacity)


@torch.no_grad()
def attribute_effects(
    generator: Generator,
    directions: dict[str, Tensor],
    truth: Callable[[Tensor, Tensor], Tensor],
    count: int = EFFECT_HEADS,
) -> dict[str, float]:
    """How much of each attribute's true change the generator shows: 1 is all of it, 0 none.

    The change of the generated image when the attribute goes from low to high is projected on the change of the
    true render, averaged over heads.

    Args:
        directions: unit vectors [z] by name.
        truth: renders latents [N, z] from labels [N, 25] to images [N, 3, H, W] in [-1, 1].
    """
    random = torch.Generator().manual_seed(7)
    base = torch.randn(count, generator.config.z_dim, generator=random)
    base = base / base.square().mean(dim=1, keepdim=True).sqrt()
    cameras = look_at([EFFECT_YAW] * count)
    effects = {}
    for name, direction in directions.items():
        ends = []
        heads = base
        if name in SHOWN_ON:
            other, value = SHOWN_ON[name]
            heads = _at(base, directions[other], value)
        for sign in (-1, 1):
            moved = _at(heads, direction, sign * EFFECT_RANGE)
            moved = _keep_norm(moved, direction)
            image = generator.synthesis(generator.mapping(moved), cameras).image.clamp(-1, 1)
            ends.append((image, truth(moved, cameras)))
        made, real = ends[1][0] - ends[0][0], ends[1][1] - ends[0][1]
        effects[name] = float((made * real).sum() / real.square().sum().clamp(min=1e-6))
    return effects


def _at(z: Tensor, direction: Tensor, value: float) -> Tensor:
    return z + (value - z @ direction)[:, None] * direction


def _keep_norm(z: Tensor, direction: Tensor) -> Tensor:
    """Rescale the part across ``direction`` so that z keeps the norm sqrt(D) that mapping would give it."""
    along = (z @ direction)[:, None] * direction
    across = z - along
    wanted = (z.shape[1] - along.square().sum(dim=1, keepdim=True)).clamp(min=1e-3).sqrt()
    return along + across / across.norm(dim=1, keepdim=True) * wanted
