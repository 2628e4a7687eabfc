"""Whether everything runs on this machine's GPU, how fast, and in how much memory.

    python -m adapter.evaluation.gpu_check [--base ffhq512] [--steps 5]

Compares pictures and gradients with the CPU's, then adapts a base of the real size by every method that is offered. The
base has random weights, and so has a CLIP that is not embedded: both run as fast as any.
"""

import argparse
import copy
import sys
from collections.abc import Iterator

import torch
from torch import Tensor

from adapter.eg3d import PRESETS, Eg3d, Generator, cameras_around_front, place
from adapter.eg3d.placement import set_cuda_precision
from adapter.encoders import ImageEncoder
from adapter.evaluation.benchmarks import Row, adaptation_rows, load_or_draw_clip, rendering_rows, table
from adapter.methods.offers import OFFERS, customize, default_preset, family
from adapter.utils.paths import CHECKPOINTS

EXACT, ROUNDED = 2e-3, 2e-2
"""Largest differences to the CPU in fp32, and in bf16 as a share of the pixels' range."""
GRADIENT = 5e-2
"""Largest difference of a bf16 gradient, as a share of its norm."""
SMALL = "heads"


def main(arguments: list[str] | None = None) -> int:
    """Print what was compared and measured.

    Returns:
        The exit status: 1 if a comparison failed, 2 if there is no GPU.
    """
    parser = argparse.ArgumentParser(prog="gpu_check", description=__doc__.splitlines()[0])
    parser.add_argument("--base", choices=list(PRESETS), default="ffhq512", help="kind of base, default: ffhq512")
    parser.add_argument("--encoder", help="CLIP, default: ViT-B-32, or clip-heads for heads")
    parser.add_argument("--steps", type=int, default=5, help="measured steps of each stage, default: 5")
    args = parser.parse_args(arguments)
    if not torch.cuda.is_available():
        print("PyTorch finds no GPU here. Install a build of it for CUDA, or run this where there is one.")
        return 2
    device = torch.device("cuda", 0)
    properties = torch.cuda.get_device_properties(device)
    print(f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB, torch {torch.__version__}\n")
    failed = report(compare(Eg3d.from_pretrained(CHECKPOINTS / SMALL), device))
    encoder = args.encoder or ("clip-heads" if args.base == SMALL else "ViT-B-32")
    torch.manual_seed(0)
    base = place(Eg3d(PRESETS[args.base]).eval().requires_grad_(False), device)
    rows = measure(args.base, base, load_or_draw_clip(encoder).to(device), encoder, args.steps)
    print(f"\n{table(list(rows))}")
    return int(failed)


def compare(generator: Generator, device: torch.device) -> Iterator[tuple[str, float, float]]:
    """Compare a base on a device with itself on the CPU: (what, difference, largest allowed).

    Args:
        generator: on the CPU.
    """
    latents = torch.randn(2, generator.config.z_dim, generator=torch.Generator().manual_seed(0))
    expected, slope = _picture_and_slope(generator, latents)
    there = place(copy.deepcopy(generator), device)
    for dtype, limit in ((torch.float32, EXACT), (torch.bfloat16, ROUNDED)):
        set_cuda_precision(tf32=False)
        picture, found = _picture_and_slope(there.compute_in(dtype), latents)
        name = str(dtype).removeprefix("torch.")
        yield f"pictures in {name}", float((picture - expected).abs().max()) / 2, limit
        off = float((found - slope).norm() / slope.norm())
        yield f"gradient in {name}", off, limit if dtype == torch.float32 else GRADIENT
    set_cuda_precision(tf32=True)


def report(comparisons: Iterator[tuple[str, float, float]]) -> bool:
    """Print comparisons; whether one failed."""
    failed = False
    for what, difference, limit in comparisons:
        good = difference <= limit
        failed |= not good
        print(f"{'ok' if good else 'FAILED'}: {what} differ by {difference:.1e}, allowed {limit:.0e}")
    return failed


def measure(
    name: str, base: Generator, encoder: ImageEncoder, encoder_name: str, steps: int, pool: int | None = None
) -> Iterator[Row]:
    """Time frames, and the steps of every method that is offered with a CLIP and trains the generator.

    Args:
        name: of the base in the table.
        base, encoder: on the device to be measured.
        encoder_name: whose methods are meant.
        steps: measured steps of each stage.
        pool: pairs that stay in memory; each method's own number where None.
    """
    yield from rendering_rows(name, base, repeats=1, plain=False)
    for method in OFFERS[family(encoder_name)]:
        customized = customize(method, default_preset(method, encoder_name), encoder=encoder_name)
        if not customized.per_frame:
            print(f"Measuring {method} ...", file=sys.stderr)
            yield from adaptation_rows(
                name, base, encoder, customized, steps, plain=False, pool=pool or customized.pool
            )


def _picture_and_slope(generator: Generator, latents: Tensor) -> tuple[Tensor, Tensor]:
    """Pictures [N, 3, H, W], and the gradient of their mean square with respect to two weights; both on the CPU."""
    parts = generator.parts()
    weights = [next(parts.decoder.parameters()), parts.superresolution.block1.conv0.weight]
    for weight in weights:
        weight.requires_grad_(True)
    ws = generator.sample_ws(latents)
    cameras = cameras_around_front(generator.config, torch.full((len(latents),), 0.3), 0.1).to(ws.device)
    with torch.no_grad():
        planes = generator.planes(ws)
    images = generator.image(generator.render(planes, cameras, parts=parts), cameras, ws, parts)
    slopes = torch.autograd.grad(images.square().mean(), weights)
    return images.detach().cpu(), torch.cat([slope.flatten().cpu() for slope in slopes])


if __name__ == "__main__":
    sys.exit(main())
