"""Speed and memory of rendering and adaptation, fast and plain kernels measured in one run, as rows of a table."""

import dataclasses
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from adapter.adaptation.loop import RunOptions, adapt
from adapter.eg3d import Generator
from adapter.eg3d.camera import cameras_around_front
from adapter.eg3d.cpu import plain_kernels
from adapter.encoders.encoder import ImageEncoder, load_encoder
from adapter.encoders.models import HUB_MODELS
from adapter.losses.base import Inverter
from adapter.methods.schema import Method
from adapter.utils.parallel import stream
from adapter.utils.profiling import measured
from adapter.utils.torchvision_compat import ensure_torchvision

VIDEO, VIDEO_FRAMES = "source+target frame of a video, planes cached", 8
BUSY_HEADER = ("base", "what", "alone", "beside a busy process", "times as long")
HEADER = ("base", "what", "a second", "seconds", "plain seconds", "times faster", "peak memory")


@dataclass(frozen=True)
class Row:
    """One measurement.

    Args:
        base: the generator's name.
        what: the measured work.
        seconds: the shortest of several repeats.
        plain_seconds: the same by the plain kernels; None where they were not measured.
        memory: peak bytes of the process (CPU) or of the device's tensors (GPU) meanwhile; None where the
            system does not tell.
    """

    base: str
    what: str
    seconds: float
    plain_seconds: float | None
    memory: int | None

    def cells(self) -> tuple[str, ...]:
        """The row as text, in the order of `HEADER`."""
        plain = self.plain_seconds
        return (
            self.base,
            self.what,
            f"{1 / self.seconds:.2f}",
            f"{self.seconds:.4f}",
            "" if plain is None else f"{plain:.4f}",
            "" if plain is None else f"{plain / self.seconds:.2f}",
            "" if self.memory is None else f"{self.memory / 2**20:.0f} MiB",
        )


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    return _markdown([HEADER, ("---",) * len(HEADER), *(row.cells() for row in rows)])


def busy_table(measure_rows: Callable[[], list[Row]]) -> str:
    """The seconds of the same measurements alone and beside a process that keeps one core busy, as a Markdown table."""
    alone = measure_rows()
    with busy_process():
        beside = measure_rows()
    lines = [
        (row.base, row.what, f"{row.seconds:.4f}", f"{other.seconds:.4f}", f"{other.seconds / row.seconds:.2f}")
        for row, other in zip(alone, beside, strict=True)
    ]
    return _markdown([BUSY_HEADER, ("---",) * len(BUSY_HEADER), *lines])


@contextmanager
def busy_process() -> Iterator[subprocess.Popen[bytes]]:
    """A process in a session of its own that computes until the block ends, or until this process is gone."""
    endless = f"import os\nwhile os.getppid() == {os.getpid()}: pass"
    process = subprocess.Popen([sys.executable, "-c", endless], start_new_session=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _markdown(lines: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def measure(work: Callable[[], object], device: torch.device, repeats: int) -> float:
    """Seconds that ``work`` takes: the shortest of ``repeats`` calls after one that warms up."""
    best = float("inf")
    for attempt in range(repeats + 1):
        _wait(device)
        start = time.perf_counter()
        work()
        _wait(device)
        if attempt:
            best = min(best, time.perf_counter() - start)
    return best


def rendering_rows(name: str, generator: Generator, repeats: int = 3, plain: bool = True) -> Iterator[Row]:
    """Time one latent's planes, one view's rendering and super-resolution, and source and target together.

    Args:
        name: of the generator in the table.
        generator: on the device to be measured.
        repeats: of each measurement.
        plain: also measure the plain kernels.
    """
    config = generator.config
    device = next(generator.parameters()).device
    camera = cameras_around_front(config, 0.3, 0.1).to(device)
    z = torch.randn(1, config.z_dim, generator=torch.Generator().manual_seed(0))
    target = generator.parts().requires_grad_(False)
    with torch.no_grad():
        ws = generator.sample_ws(z)
        planes = generator.planes(ws)
        features = generator.render(planes, camera).features

        def frame(_: int) -> None:
            generator.pair(planes, ws, camera, target)

        works: dict[str, Callable[[], object]] = {
            "planes": lambda: generator.planes(ws),
            "rendering": lambda: generator.render(planes, camera),
            "super-resolution": lambda: generator.superresolve(features, ws),
            "source+target frame, planes cached": lambda: generator.pair(planes, ws, camera, target),
            VIDEO: lambda: list(stream(frame, range(VIDEO_FRAMES), device)),
            "source+target frame": lambda: generator.pair(generator.planes(ws), ws, camera, target),
        }
        for what, work in works.items():
            count = VIDEO_FRAMES if what == VIDEO else 1
            with measured(device) as cost:
                seconds = measure(work, device, repeats) / count
            with plain_kernels():
                plain_seconds = measure(work, device, repeats) / count if plain else None
            yield Row(name, what, seconds, plain_seconds, cost.peak_bytes)


def adaptation_rows(
    name: str,
    generator: Generator,
    encoder: ImageEncoder,
    method: Method,
    steps: int = 5,
    plain: bool = True,
    inverter: Inverter | None = None,
    pool: int | None = None,
) -> list[Row]:
    """Time the steps of every stage of a method, previews left out.

    Args:
        name: of the generator in the table.
        generator: on the device to be measured.
        encoder: CLIP image encoder of the losses.
        method: its stages are cut to ``steps`` + 1, of which the first warms up, and its pool to one batch.
        steps: measured steps of each stage.
        plain: also measure the plain kernels.
        inverter: W+ encoder for L_scc, which is left out without.
        pool: pairs that are rendered and encoded first, which all stay in memory; one batch where None.
    """
    device = next(generator.parameters()).device
    short = dataclasses.replace(
        method.with_steps({stage.name: steps + 1 for stage in method.stages}),
        pool=pool or method.batch,
        preview_every=100_000,
    )
    with measured(device) as cost:
        seconds = _step_seconds(generator, encoder, short, device, inverter)
    plain_seconds: dict[str, float] = {}
    if plain:
        with plain_kernels():
            plain_seconds = _step_seconds(generator, encoder, short, device, inverter)
    return [
        Row(
            name, f"{method.name}: {stage} step, batch {method.batch}", taken, plain_seconds.get(stage), cost.peak_bytes
        )
        for stage, taken in seconds.items()
    ]


def load_or_draw_clip(name: str) -> ImageEncoder:
    """An embedded CLIP, or one of the Hub's with random weights, which runs as fast as any."""
    if name not in HUB_MODELS:
        return load_encoder(name)
    ensure_torchvision()
    import open_clip

    return ImageEncoder(open_clip.create_model(HUB_MODELS[name]["model_name"]).eval())


def _step_seconds(
    generator: Generator,
    encoder: ImageEncoder,
    method: Method,
    device: torch.device,
    inverter: Inverter | None,
) -> dict[str, float]:
    random = torch.Generator().manual_seed(0)
    side = generator.config.image_resolution
    reference = torch.rand(1, 3, side, side, generator=random) * 2 - 1
    times: dict[str, list[float]] = {stage.name: [] for stage in method.stages}
    # One identity is enough for the preview that ends a stage.
    preview_latents = torch.randn(1, generator.config.z_dim, generator=random)
    options = RunOptions(preview_latents=preview_latents, inverter=inverter, resumable=False)
    last = time.perf_counter()
    for event in adapt(generator, encoder, reference, method, options=options):
        _wait(device)
        now = time.perf_counter()
        # A stage's last step also makes its preview and domain.
        if event.stage in times and event.domain is None:
            times[event.stage].append(now - last)
        last = now
    return {stage: min(taken[1:] or taken) for stage, taken in times.items() if taken}


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
