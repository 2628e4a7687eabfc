"""``adapter evaluate --edits``: whether the named edits of a base do one thing each, in its own world and in others."""

import argparse
import dataclasses

import torch
from PIL import Image

from adapter.adaptation import Domain, fingerprint
from adapter.cli.progress import ProgressLine
from adapter.encoders.lpips import load_lpips
from adapter.errors import UserError
from adapter.evaluation.edit_figure import edits_figure
from adapter.evaluation.edits import edits_table, evaluate_edits
from adapter.hub.bases import load_base
from adapter.hub.domains import fetch_ready_domain
from adapter.hub.library import catalog
from adapter.latents.directions import directions_in_w
from adapter.latents.readings import Readings
from adapter.utils.atomic import replacing
from adapter.utils.paths import base_folder
from adapter.utils.storage import write_json

PEOPLE, WORLDS = 32, 3


def evaluate_named_edits(args: argparse.Namespace) -> None:
    """Try all edits, print the table, and write it with all numbers into the folder; or draw the figure alone.

    Raises:
        UserError: no such base or domain, or a base without edits.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    generator = load_base(args.base).to(device)
    directions = directions_in_w(generator, args.base)
    if directions is None:
        raise UserError(f"The base {args.base} has no edits yet. Run: adapter directions --base {args.base}.")
    ready = {entry.name: entry for entry in catalog().domains_of(args.base)}
    names = args.domains if args.domains is not None else list(ready)[:WORLDS]
    for name in names:
        if name not in ready:
            raise UserError(f"There is no ready domain named {name!r} of this base. Choose from: {', '.join(ready)}.")
    worlds = {name: Domain.load(fetch_ready_domain(ready[name])).apply(generator) for name in names}
    if args.figure is not None:
        picture = edits_figure(generator, directions, worlds, args.seed)
        with replacing(args.figure) as temporary:
            Image.fromarray(picture).save(temporary, "JPEG", quality=88, optimize=True)
        print(args.figure)
        return
    line = ProgressLine(20.0)
    readings = Readings.of(
        generator, base_folder(args.base), told=lambda done, total: line.show(f"readings: {done} of {total}")
    )
    scores = evaluate_edits(
        generator,
        directions,
        worlds,
        load_lpips().to(device),
        readings,
        args.pairs or PEOPLE,
        told=lambda what, done, total: line.show(f"{what}: {done} of {total}"),
    )
    line.clear()
    text = edits_table(scores)
    print(text)
    args.out.mkdir(parents=True, exist_ok=True)
    values = [{k: v for k, v in dataclasses.asdict(one).items() if v == v} for one in scores]
    about = {"base": args.base, "base_fingerprint": fingerprint(generator), "edits": values}
    write_json(args.out / "edits.json", about)
    with replacing(args.out / "edits.md") as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
