"""Pre-rendered heads for training, as .npy files that are read with memory maps.

OUT/shards/00000.npz ...   finished parts; a stopped run goes on after them
OUT/color.npy              uint8   [N,V,H,W,3] display colour on white
OUT/mask.npy               uint8   [N,V,H,W] coverage, 255 = head
OUT/depth.npy              float16 [N,V,H,W] Euclidean distance along the ray, 0 outside
OUT/segmentation.npy       uint8   [N,V,H,W] index into paint.SEGMENTS
OUT/cameras.npy            float32 [N,V,25]
OUT/angles.npy             float32 [N,V,2] yaw, pitch in radians
OUT/latents.npy            float32 [N,32]
OUT/dataset.json           settings; written last, so its presence says that the set is complete
"""

import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from adapter.errors import UserError
from adapter.synthetic.heads.attributes import Z_DIM, sample_latent
from adapter.synthetic.heads.render import orbit_camera, render

SHARD = 50  # identities per shard
ARRAYS = ("color", "mask", "depth", "segmentation", "cameras", "angles", "latents")


def training_angles(rng: np.random.Generator, views: int) -> np.ndarray:
    """[V,2] yaw, pitch: the first view near the front, the others all around the front half."""
    front = [np.clip(rng.normal(0, 0.3), -0.8, 0.8), np.clip(rng.normal(0, 0.12), -0.35, 0.35)]
    others = [[rng.uniform(-0.87, 0.87), rng.uniform(-0.32, 0.32)] for _ in range(views - 1)]
    return np.array([front, *others], np.float32)


def validation_angles(rng: np.random.Generator, views: int) -> np.ndarray:
    """[V,2] yaw evenly from -0.6 to 0.6, small random pitch."""
    yaw = np.linspace(-0.6, 0.6, views)
    return np.stack([yaw, np.clip(rng.normal(0, 0.13, views), -0.3, 0.3)], -1).astype(np.float32)


def render_identity(seed: int, index: int, views: int, size: int, even: bool) -> dict[str, np.ndarray]:
    """All arrays of one identity; depends on nothing but its arguments."""
    rng = np.random.default_rng((seed, index))
    z = sample_latent(rng)
    angles = (validation_angles if even else training_angles)(rng, views)
    cameras = np.stack([orbit_camera(*a) for a in angles])
    images = render(z, cameras, size, threads=1)
    return {
        "color": (images.color * 255 + 0.5).astype(np.uint8),
        "mask": (images.mask * 255 + 0.5).astype(np.uint8),
        "depth": images.depth.astype(np.float16),
        "segmentation": images.segmentation,
        "cameras": cameras,
        "angles": angles,
        "latents": z,
    }


def _write_shard(path: Path, indices: range, seed: int, views: int, size: int, even: bool) -> int:
    people = [render_identity(seed, i, views, size, even) for i in indices]
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.npz")
    arrays = {name: np.stack([p[name] for p in people]) for name in ARRAYS}
    np.savez(temporary, **arrays)  # type: ignore[arg-type]  # NumPy's stubs take the names for options
    os.replace(temporary, path)
    return len(indices)


def _merge(folder: Path, shards: list[Path], identities: int) -> None:
    """Joins the shards into one file per array, then removes them."""
    for name in ARRAYS:
        temporary = folder / f".{name}.npy"
        out, start = None, 0
        for path in shards:
            with np.load(path, allow_pickle=False) as shard:
                part = shard[name]
            if out is None:
                out = np.lib.format.open_memmap(temporary, "w+", part.dtype, (identities, *part.shape[1:]))
            out[start : start + len(part)] = part
            start += len(part)
        if out is not None:
            out.flush()
        del out
        os.replace(temporary, folder / f"{name}.npy")
    for path in shards:
        path.unlink()
    (folder / "shards").rmdir()


def write(
    folder: Path,
    identities: int,
    views: int = 3,
    size: int = 128,
    seed: int = 1,
    workers: int = 1,
    even: bool = False,
    report: Callable[[str], None] = print,
) -> None:
    """Renders a data set, or what is missing of it; `even` spreads the yaw evenly (for validation).

    Raises UserError where the folder holds a set with other settings.
    """
    settings = {"identities": identities, "views": views, "size": size, "seed": seed, "even": even, "z_dim": Z_DIM}
    shards_folder, settings_file = folder / "shards", folder / "settings.json"
    if (folder / "dataset.json").exists():
        if json.loads((folder / "dataset.json").read_text()) != settings:
            raise UserError(f"{folder} holds a data set with other settings; choose another folder.")
        report(f"{folder} is complete already.")
        return
    if settings_file.exists() and json.loads(settings_file.read_text()) != settings:
        raise UserError(f"{folder} holds part of a data set with other settings; choose another folder.")
    shards_folder.mkdir(parents=True, exist_ok=True)
    settings_file.write_text(json.dumps(settings))

    starts = range(0, identities, SHARD)
    paths = [shards_folder / f"{k:05d}.npz" for k in range(len(starts))]
    todo = [(p, range(s, min(s + SHARD, identities))) for p, s in zip(paths, starts, strict=True) if not p.exists()]
    done, began = sum(p.exists() for p in paths), time.monotonic()
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(_write_shard, path, indices, seed, views, size, even) for path, indices in todo]
        rendered = 0
        for job in as_completed(jobs):
            rendered += job.result()
            done += 1
            speed = rendered * views / (time.monotonic() - began)
            report(
                f"{done}/{len(paths)} shards, {speed:.1f} images/s, "
                f"{(len(paths) - done) * SHARD * views / speed / 60:.0f} min left"
            )
    _merge(folder, paths, identities)
    temporary = folder / ".dataset.json"
    temporary.write_text(json.dumps(settings))
    os.replace(temporary, folder / "dataset.json")
    settings_file.unlink()
    report(f"{folder}: {identities} identities x {views} views at {size} px")
