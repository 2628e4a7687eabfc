"""Compiles the kernels, and prints how far they are from plain PyTorch, as JSON: run in a process of its own."""

import dataclasses
import json
import sys
import time

import torch

from adapter.eg3d import PRESETS, Eg3d, cameras_around_front, rendering
from adapter.eg3d.cpu import native, plain_kernels

SMALL = {"plane_resolution": 16, "first_resolution": 4, "channel_base": 128, "channel_max": 16, "raw_resolution": 12}


def apart(one: torch.Tensor, other: torch.Tensor) -> float:
    """Largest difference, as a share of the largest value."""
    return float((one - other).abs().max() / other.abs().max().clamp_min(1e-6))


def main() -> None:
    """Both sizes of decoders."""
    found: dict[str, float] = {"before": native.ready(), "ready": native.build_and_load()}
    began = time.perf_counter()
    found["again"] = native.build_and_load()
    found["seconds again"] = time.perf_counter() - began
    for channels, hidden, colors in native.SIZES:
        torch.manual_seed(0)
        config = dataclasses.replace(
            PRESETS["heads"], **SMALL, plane_channels=channels, decoder_hidden=hidden, feature_channels=colors
        )
        generator = Eg3d(config).eval()
        camera = cameras_around_front(config, torch.tensor([0.2, -0.3]))
        with torch.no_grad():
            planes = generator.planes(generator.sample_ws(torch.randn(2, config.z_dim)))
            samples = generator.sample(planes, camera)
        rows = samples.features.requires_grad_()
        sides = []
        for plain in (False, True):
            with plain_kernels() if plain else torch.enable_grad():
                with torch.no_grad():
                    whole = generator.render(planes, camera).features
                rendered = generator.march(samples)
                sums = [
                    part.mul(torch.linspace(0, 1, part.numel()).view_as(part)).sum()
                    for part in (rendered.features, rendered.opacity)
                ]
                gradients = torch.autograd.grad(sum(sums), [rows, *generator.decoder.parameters()])
            sides.append([whole, rendered.features.detach(), rendered.depth.detach(), *gradients])
        found[f"{channels}"] = max(map(apart, *sides))
        with torch.no_grad():
            spoilt = samples.features.detach().clone()
            spoilt[0, 0, 0, 0] = torch.nan
            colors_of = rendering.decode_and_march(generator.decoder, spoilt, samples.depths).colors
            found[f"{channels} spoilt"] = int(colors_of.isnan().any(dim=-1).sum())
            nowhere = torch.full((1, 4, 3), torch.nan)
            found[f"{channels} nowhere"] = native.lookup(planes[:1], nowhere, 1.0) is not None
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
