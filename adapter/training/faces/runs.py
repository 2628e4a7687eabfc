"""The commands that need torch: training, export and evaluation of the base."""

import argparse
import dataclasses
import json
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from adapter.eg3d.front import Front, FrontSynthesis
from adapter.eg3d.pretrained import Eg3d
from adapter.training.faces.assets import fetch_assets
from adapter.training.faces.card import write_card
from adapter.training.faces.crowd import identity_rate
from adapter.training.faces.dataset import People
from adapter.training.faces.evaluate import measure, sheet
from adapter.training.faces.front_features import Basis, prepare_fronts, unfold
from adapter.training.faces.latents import FRONT, MAPPING, POSE_SPACE, PoseSpace
from adapter.training.faces.mesh import MeshReader
from adapter.training.faces.network import FACES, find_whitening, fold, mapping_tensors
from adapter.training.faces.perceptual import Lpips
from adapter.training.faces.recipe import Recipe
from adapter.training.faces.shards import found
from adapter.training.faces.train import Run, begin, restore, save, train

STATE = "state.safetensors"
TRAINING_LEVELS = (1, 2)
"""The layers of LPIPS that training compares: the first costs most and L1 covers it, the last two cost much."""
QUICK_PEOPLE, SHEET_PEOPLE = 8, 6


def _prepare_threads(args: argparse.Namespace) -> None:
    # Far from a surface gradients become denormal numbers, on which a CPU is many times slower.
    torch.set_flush_denormal(True)
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(args.threads)


def read_mapping(folder: Path) -> dict[str, Tensor]:
    """Read MobileStyleGAN's mapping as the data's folder has it."""
    with np.load(folder / MAPPING, allow_pickle=False) as stored:
        return mapping_tensors(stored["weights"], stored["biases"])


def read_front(folder: Path) -> tuple[FrontSynthesis, Tensor]:
    """Read MobileStyleGAN's synthesis and the grid of the XY plane as the data's folder has them."""
    with np.load(folder / FRONT, allow_pickle=False) as stored:
        tensors = {name: torch.from_numpy(stored[name]) for name in stored.files}
    grid = tensors.pop("grid")
    assert FACES.front is not None
    synthesis = FrontSynthesis(FACES.front, FACES.w_dim).requires_grad_(False)
    synthesis.load_state_dict(tensors)
    return synthesis, grid


def held_out(args: argparse.Namespace, space: PoseSpace) -> People:
    """The people of the first shard, who are never trained on."""
    return People(args.data, args.prepared, space.template, [0])


def train_base(args: argparse.Namespace) -> None:
    """Train, with a snapshot, metrics and a sheet every ``--report`` steps; new shards are taken in there, too."""
    _prepare_threads(args)
    recipe = Recipe(**{f.name: getattr(args, f.name) for f in dataclasses.fields(Recipe) if f.name != "weights"})
    space = PoseSpace.load(args.data / POSE_SPACE)
    synthesis, grid = read_front(args.data)
    for name in prepare_fronts(synthesis, args.data, args.prepared):
        print(f"front features of {name}", flush=True)
    state = args.out / STATE
    if state.exists():
        run = restore(state, recipe)
        print(f"going on from step {run.step}", flush=True)
    else:
        run = begin(find_whitening(space, read_mapping(args.data)), grid, recipe)
    judged, perceive = Lpips.load(args.assets), Lpips.load(args.assets, TRAINING_LEVELS)
    others = held_out(args, space)
    while run.step < recipe.steps:
        known = range(1, len(found(args.data)))
        people = People(args.data, args.prepared, space.template, known)
        print(f"{len(people)} people, {len(people.whole)} of them whole", flush=True)
        started = time.monotonic()
        for report in train(run, people, recipe, perceive, run.step + args.report):
            if report["step"] % 50 == 0:
                print(" ".join(f"{name} {value:.4g}" for name, value in report.items()), flush=True)
        save(run, state)
        metrics = _measure(run, others, judged, None, QUICK_PEOPLE)
        spent = time.monotonic() - started
        print(f"== step {run.step}, {spent:.0f} s: {json.dumps(metrics)}", flush=True)
        _draw(run, others, args.out / f"sheet_{run.step:06d}.jpg")


def _measure(run: Run, people: People, perceive: Lpips, reader: MeshReader | None, count: int) -> dict[str, float]:
    latents = run.whitening(torch.from_numpy(people.w))
    found_values = measure(run.average, run.average_reader, latents, people, perceive, reader, count)
    return {name: round(value, 4) for name, value in found_values.items()}


def _draw(run: Run, people: People, path: Path) -> None:
    latents = run.whitening(torch.from_numpy(people.w))
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), sheet(run.average, run.average_reader, latents, people, list(range(SHEET_PEOPLE))))


def finish(run: Run, args: argparse.Namespace) -> Eg3d:
    """The averaged generator with the front and the mapping before it."""
    assert FACES.front is not None
    space = PoseSpace.load(args.data / POSE_SPACE)
    front = Front(FACES.front, FACES.w_dim, FACES.plane_channels)
    front.synthesis.load_state_dict(read_front(args.data)[0].state_dict())
    unfold(run.average_reader, Basis.load(args.prepared), front.reader)
    return fold(run.average, front, run.whitening, space, read_mapping(args.data))


def export_base(args: argparse.Namespace) -> None:
    """Write the finished base."""
    run = restore(args.run / STATE, Recipe())
    finished = finish(run, args)
    finished.save_pretrained(args.out, int8=True, notes={"steps": str(run.step)})
    print(f"{args.out}: step {run.step}")


def evaluate_base(args: argparse.Namespace) -> None:
    """Print the metrics on all held-out people."""
    _prepare_threads(args)
    run = restore(args.run / STATE, Recipe())
    space = PoseSpace.load(args.data / POSE_SPACE)
    assets = fetch_assets(args.assets)
    people = held_out(args, space)
    reader = MeshReader(assets.detector, assets.mesh)
    metrics = _measure(run, people, Lpips.load(args.assets), reader, args.people)
    finished = finish(run, args)
    metrics["identity"] = identity_rate(finished, Lpips.load(args.assets, TRAINING_LEVELS), args.crowd)
    metrics["crowd"] = args.crowd
    count = min(args.people, len(people))
    print(json.dumps({"people": count, "step": run.step, **metrics}, indent=2))
    if args.card:
        config = finished.config
        facts = {
            "parameters": sum(parameter.numel() for parameter in finished.parameters()),
            "image": config.image_resolution,
            "raw": config.raw_resolution,
            "plane": config.front.plane if config.front else config.plane_resolution,
            "steps": run.step,
            "people": count,
        }
        args.card.write_text(write_card({**facts, **metrics}), encoding="utf-8")
    if args.sheet:
        _draw(run, people, args.sheet)
