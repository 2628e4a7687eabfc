r"""Make the embedded base.

python -m adapter.synthetic.heads dataset work/data/train --identities 7000 --views 3 --seed 1
python -m adapter.synthetic.heads dataset work/data/val --identities 64 --views 4 --seed 2 --even
python -m adapter.training.base train --out work/first --steps 4000
python -m adapter.training.base export --run work/first --out work/first/checkpoint
python -m adapter.training.base train --start work/first/checkpoint --steps 6500 --rate 4e-3 --identities 3 \
    --ema 0.995 --cooldown 0.4
python -m adapter.training.base export
python -m adapter.training.inverter directions
python -m adapter.training.base evaluate checkpoints/heads --card
"""

import argparse
import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from adapter.eg3d import PRESETS, Eg3d, look_at
from adapter.eg3d.pretrained import WEIGHTS
from adapter.encoders import load_encoder
from adapter.media.images import to_uint8
from adapter.synthetic.heads.attributes import NAMES, direction
from adapter.synthetic.heads.paint import SEGMENTS
from adapter.synthetic.heads.render import render
from adapter.training.base.card import write_card
from adapter.training.base.data import Renders
from adapter.training.base.evaluate import attribute_effects, held_out_metrics
from adapter.training.base.train import Recipe, Run, begin, finish, restore, save, train
from adapter.utils.storage import read_metadata

STATE = "state.safetensors"
PERCEPTUAL_LAYERS = ("stem", "stage0", "stage1", "stage2")
QUICK_HEADS = 16
SHEET_ANGLES = ((-0.7, 0.05), (-0.3, -0.1), (0.0, 0.0), (0.3, 0.1), (0.7, 0.05))


def main() -> None:
    """Run one of the commands."""
    parser = argparse.ArgumentParser(prog="python -m adapter.training.base", description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train", help="train or go on training")
    training.add_argument("--data", type=Path, default=Path("work/data/train"))
    training.add_argument("--validation", type=Path, default=Path("work/data/val"))
    training.add_argument("--out", type=Path, default=Path("work/base"))
    training.add_argument("--start", type=Path, help="checkpoint whose weights a new run starts from")
    training.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    training.add_argument("--report", type=int, default=1000, help="steps between saves and measurements")
    for field in dataclasses.fields(Recipe):
        if field.name != "weights":
            training.add_argument(f"--{field.name}", type=type(field.default), default=field.default)
    exporting = commands.add_parser("export", help="write the averaged generator as a checkpoint")
    exporting.add_argument("--run", type=Path, default=Path("work/base"))
    exporting.add_argument("--out", type=Path, default=Path("checkpoints/heads"))
    judging = commands.add_parser("evaluate", help="print the metrics on held-out heads")
    judging.add_argument("checkpoint", type=Path)
    judging.add_argument("--validation", type=Path, default=Path("work/data/val"))
    judging.add_argument("--sheet", type=Path, help="also draw truth and generated views here")
    judging.add_argument("--card", action="store_true", help="also write the checkpoint's README.md")
    args = parser.parse_args()
    # Far from a surface gradients become denormal numbers, on which a CPU is many times slower.
    torch.set_flush_denormal(True)
    torch.set_num_threads(args.threads)
    {"train": _train, "export": _export, "evaluate": _evaluate}[args.command](args)


def _perceive(device: str = "cpu") -> Callable[[Tensor], list[Tensor]]:
    tower = load_encoder("clip-heads").to(device).tower

    def maps(images: Tensor) -> list[Tensor]:
        # Straight to the tower: patches keep their size, and the trunk expects [-1, 1].
        tokens = tower(images, PERCEPTUAL_LAYERS, False)[1]
        return [tokens[layer].transpose(1, 2)[..., None] for layer in PERCEPTUAL_LAYERS]

    return maps


def _fresh(recipe: Recipe, device: str) -> Run:
    directions = torch.tensor(np.stack([direction(name) for name in NAMES]), dtype=torch.float32)
    return begin(PRESETS["heads"], directions, recipe, device)


def _train(args: argparse.Namespace) -> None:
    recipe = Recipe(**{f.name: getattr(args, f.name) for f in dataclasses.fields(Recipe) if f.name != "weights"})
    run = _fresh(recipe, args.device)
    state = args.out / STATE
    if state.exists():
        restore(run, state)
        print(f"going on from step {run.step}", flush=True)
    elif args.start:
        weights = Eg3d.from_pretrained(args.start).state_dict()
        run.generator.load_state_dict(weights)
        run.average.load_state_dict(weights)
    renders, held_out = (Renders(folder, SEGMENTS) for folder in (args.data, args.validation))
    perceive = _perceive(args.device)
    started = time.monotonic()
    for report in train(run, renders, recipe, perceive):
        step = report["step"]
        if step % 100 == 0:
            print(" ".join(f"{name} {value:.4g}" for name, value in report.items()), flush=True)
        if step % args.report == 0 or step == recipe.steps:
            save(run, state)
            average = finish(run)
            metrics = held_out_metrics(average, held_out, perceive, QUICK_HEADS)
            print(f"== step {step} after {time.monotonic() - started:.0f} s {metrics}", flush=True)
            _sheet(average, held_out, args.out / f"sheet_{step:06d}.png")


def _export(args: argparse.Namespace) -> None:
    run = _fresh(Recipe(), "cpu")
    restore(run, args.run / STATE)
    finish(run).save_pretrained(args.out, half=True, notes={"steps": str(run.step)})
    print(f"{args.out}: step {run.step}")


def _evaluate(args: argparse.Namespace) -> None:
    generator = Eg3d.from_pretrained(args.checkpoint)
    held_out = Renders(args.validation, SEGMENTS)
    metrics = held_out_metrics(generator, held_out, _perceive())
    vectors = {name: torch.tensor(direction(name), dtype=torch.float32) for name in NAMES}
    effects = attribute_effects(generator, vectors, _true_renders)
    print(json.dumps({"heads": len(held_out), **metrics, "effects": effects}, indent=2))
    if args.card:
        config = generator.config
        facts = {
            "parameters": sum(parameter.numel() for parameter in generator.parameters()),
            "image": config.image_resolution,
            "raw": config.raw_resolution,
            "plane": config.plane_resolution,
            "heads": len(held_out),
            "views": held_out.views,
            "steps": read_metadata(args.checkpoint / WEIGHTS).get("steps", "unknown"),
        }
        (args.checkpoint / "README.md").write_text(write_card({**facts, **metrics}, effects), encoding="utf-8")
    if args.sheet:
        _sheet(generator, held_out, args.sheet)


def _true_renders(latents: Tensor, cameras: Tensor) -> Tensor:
    size = PRESETS["heads"].image_resolution
    images = [render(z.numpy(), c[None].numpy(), size).color[0] for z, c in zip(latents, cameras, strict=True)]
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() * 2 - 1


@torch.no_grad()
def _sheet(generator: Eg3d, held_out: Renders, path: Path, heads: int = 8) -> None:
    """Each row one held-out head: its true views, then generated ones."""
    rows = []
    for index in range(min(heads, len(held_out))):
        ws = generator.mapping(torch.from_numpy(np.array(held_out.arrays["latents"][index : index + 1])))
        cameras = torch.cat([look_at(yaw, pitch) for yaw, pitch in SHEET_ANGLES])
        planes = generator.planes(ws).repeat(len(cameras))
        features = generator.render(planes, cameras).features
        images = generator.superresolve(features, ws.expand(len(cameras), -1, -1))
        rows.append(np.concatenate([*held_out.arrays["color"][index], *to_uint8(images)], axis=1))
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    main()
