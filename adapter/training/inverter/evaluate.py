"""How well an inverter finds people back: held-out latents of the base, and true renders of held-out heads."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from adapter.eg3d import Generator
from adapter.eg3d.camera import cameras_around_front
from adapter.latents.inversion import perceptual_distance
from adapter.latents.wplus_encoder import Inverter
from adapter.training.inverter.data import codes, draw

HELD_OUT_SEED = 900_001
PEOPLE = 64


@torch.no_grad()
def held_out(inverter: Inverter, generator: Generator, people: int = PEOPLE) -> dict[str, float]:
    """Measure on people of the base that training never saw, each from two sides.

    Returns:
        "w error, share of the mean's": squared error of the codes over that of always answering w_avg (1 is no
        better than that); "correlation, median channel" over people, per channel of w; "identity retrieval":
        share of people whose code from one side is nearest (cosine around w_avg) to their own true latent among
        all; "retrieval across views": the same against the codes from the other side; "PSNR" in dB and
        "perceptual" (ours, 0 to 4) of the re-rendered image, each with the same for w_avg; "yaw error, degrees".
    """
    config = generator.config
    first, _, _, angles = draw(config, people, HELD_OUT_SEED, 0)
    ws = codes(generator, first, first, torch.full((people,), config.num_ws))
    w_avg = generator.backbone.mapping.w_avg.expand(1, config.num_ws, -1)
    sides = [_render(generator, ws, angles[:, view]) for view in range(2)]
    found, turned = zip(*(inverter.predict(images) for images in sides), strict=True)
    again = _render(generator, found[0], angles[:, 0])
    mean = _render(generator, w_avg.expand(people, -1, -1), angles[:, 0])
    truth, guesses = (ws - w_avg).flatten(1), [(codes - w_avg).flatten(1) for codes in found]
    return {
        "w error, share of the mean's": float((guesses[0] - truth).square().sum() / truth.square().sum()),
        "correlation, median channel": float(_correlation(guesses[0], truth).median()),
        "identity retrieval": _retrieval(guesses[0], truth),
        "retrieval across views": _retrieval(guesses[0], guesses[1]),
        "PSNR": _psnr(again, sides[0]),
        "PSNR, mean person": _psnr(mean, sides[0]),
        "perceptual": float(perceptual_distance(inverter.encoder, again, sides[0]).mean()),
        "perceptual, mean person": float(perceptual_distance(inverter.encoder, mean, sides[0]).mean()),
        "yaw error, degrees": float((turned[0] - angles[:, 0])[:, 0].abs().mean().rad2deg()),
    }


@torch.no_grad()
def true_renders(inverter: Inverter, generator: Generator, renders: Path) -> dict[str, float]:
    """The same on true renders of heads outside of all training sets, the second view of each: what an upload is.

    Returns:
        Numbers as of `held_out`; "PSNR, base's own" and "perceptual, base's own" are those of the base's render of
        the true latent, beyond which codes of this base hardly get.
    """
    arrays = {name: np.load(renders / f"{name}.npy", mmap_mode="r") for name in ("color", "angles", "latents")}
    images = torch.from_numpy(np.array(arrays["color"][:, 1])).permute(0, 3, 1, 2).float() / 127.5 - 1
    angles = torch.from_numpy(np.array(arrays["angles"][:, 1]))
    latents = torch.from_numpy(np.array(arrays["latents"]))
    config = generator.config
    ws = codes(generator, latents, latents, torch.full((len(latents),), config.num_ws))
    w_avg = generator.backbone.mapping.w_avg.expand(1, config.num_ws, -1)
    found, turned = inverter.predict(images)
    again, own = _render(generator, found, angles), _render(generator, ws, angles)
    truth, guess = (ws - w_avg).flatten(1), (found - w_avg).flatten(1)
    return {
        "w error, share of the mean's": float((guess - truth).square().sum() / truth.square().sum()),
        "correlation, median channel": float(_correlation(guess, truth).median()),
        "identity retrieval": _retrieval(guess, truth),
        "PSNR": _psnr(again, images),
        "PSNR, base's own": _psnr(own, images),
        "perceptual": float(perceptual_distance(inverter.encoder, again, images).mean()),
        "perceptual, base's own": float(perceptual_distance(inverter.encoder, own, images).mean()),
        "yaw error, degrees": float((turned - angles)[:, 0].abs().mean().rad2deg()),
    }


def _render(generator: Generator, ws: Tensor, angles: Tensor, group: int = 4) -> Tensor:
    cameras = cameras_around_front(generator.config, angles[:, 0], angles[:, 1])
    parts = [
        generator.synthesis(w, c).image.clamp(-1, 1) for w, c in zip(ws.split(group), cameras.split(group), strict=True)
    ]
    return torch.cat(parts)


def _correlation(a: Tensor, b: Tensor) -> Tensor:
    """Pearson's, over people, per channel."""
    return F.cosine_similarity(a - a.mean(0), b - b.mean(0), dim=0)


def _retrieval(queries: Tensor, gallery: Tensor) -> float:
    """Share of queries [N, D] whose nearest of the gallery [N, D], by cosine, has the same index."""
    nearest = (F.normalize(queries, dim=1) @ F.normalize(gallery, dim=1).T).argmax(1)
    return float((nearest == torch.arange(len(queries))).float().mean())


def _psnr(a: Tensor, b: Tensor) -> float:
    return float((-10 * ((a - b) / 2).square().mean((1, 2, 3)).log10()).mean())
