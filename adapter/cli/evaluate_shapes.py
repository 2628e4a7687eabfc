"""``adapter evaluate --path-length`` and ``--meshes``: how evenly worlds change, and how true extracted shapes are."""

import argparse
import dataclasses
import statistics
from collections.abc import Iterable, Iterator
from typing import TypeVar

import torch

from adapter.adaptation import Domain
from adapter.cli.progress import ProgressLine
from adapter.eg3d import Parts
from adapter.encoders.lpips import load_lpips
from adapter.errors import UserError
from adapter.evaluation.path_length import mean_length, path_distances, path_length_table
from adapter.hub.bases import RULER, load_base
from adapter.hub.domains import fetch_ready_domain
from adapter.hub.library import catalog
from adapter.utils.atomic import replacing
from adapter.utils.storage import write_json

PAIRS, HEADS, PEOPLE = 256, 32, 8
PHOTOGRAPHIC = "faces"
_SEED = 4242
T = TypeVar("T")


def evaluate_path_length(args: argparse.Namespace) -> None:
    """Measure the path length of the base and of each of its ready domains; print and write a table.

    Raises:
        UserError: no such base, or a domain that cannot be fetched.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    generator, distance = load_base(args.base).to(device), load_lpips().to(device)
    worlds: dict[str, Parts | None] = {"source": None}
    for entry in catalog().domains_of(args.base):
        worlds[entry.name] = Domain.load(fetch_ready_domain(entry)).apply(generator)
    pairs = args.pairs or PAIRS
    lengths = {}
    for name, parts in worlds.items():
        values = path_distances(generator, parts, distance, pairs, args.seed)
        lengths[name] = mean_length(list(_shown(values, name, pairs)))
    text = path_length_table(lengths)
    print(text)
    args.out.mkdir(parents=True, exist_ok=True)
    write_json(args.out / "path_length.json", {"base": args.base, "pairs": pairs, "lengths": lengths})
    with replacing(args.out / "path_length.md") as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def evaluate_meshes(args: argparse.Namespace) -> None:
    """Measure meshes of the synthetic heads against the true ones, or those of `faces` against their renders.

    Raises:
        UserError: another base, or packages that are missing.
    """
    if args.base not in (RULER, PHOTOGRAPHIC):
        raise UserError(f"Shapes can be judged of the bases {RULER} and {PHOTOGRAPHIC} only. Leave out --base.")
    try:
        values = _heads(args) if args.base == RULER else _faces(args)
    except ModuleNotFoundError as error:
        raise UserError(
            f"The true shapes need the package {error.name}. Run: pip install -r requirements-training.txt"
        ) from error
    args.out.mkdir(parents=True, exist_ok=True)
    write_json(args.out / "meshes.json", values)


def _heads(args: argparse.Namespace) -> dict:
    from adapter.evaluation.mesh_shapes import mesh_overlaps
    from adapter.synthetic.ground_truth import HeadsGroundTruth

    count = args.pairs or HEADS
    latents = HeadsGroundTruth().latents(count, _SEED + args.seed)
    overlaps = list(_shown(mesh_overlaps(load_base(RULER), latents), "meshes", count))
    print(f"Silhouette IoU with the true heads: median {statistics.median(overlaps):.4f}, least {min(overlaps):.4f}")
    return {"silhouettes": overlaps}


def _faces(args: argparse.Namespace) -> dict:
    from adapter.evaluation.face_shapes import face_shapes

    count = args.pairs or PEOPLE
    shapes = list(_shown(face_shapes(load_base(args.base), count, seed=_SEED + args.seed), "meshes", count))
    depths = [shape.depth for shape in shapes if shape.depth == shape.depth]
    depth = f"{statistics.median(depths):.2%} of the face's width" if depths else "unknown"
    print(f"Landmark depth error: median {depth}, of {len(depths)} people")
    print(f"Silhouette IoU with the renders: median {statistics.median(s.silhouettes for s in shapes):.4f}")
    print(f"Seconds a mesh: median {statistics.median(s.seconds for s in shapes):.1f}")
    return {"shapes": [{k: v for k, v in dataclasses.asdict(shape).items() if v == v} for shape in shapes]}


def _shown(values: Iterable[T], name: str, total: int) -> Iterator[T]:
    """The values, with the progress on stderr."""
    line = ProgressLine(20.0)
    for number, value in enumerate(values, 1):
        line.show(f"{name}: {number} of {total}")
        yield value
    line.clear()
