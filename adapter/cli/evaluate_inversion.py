"""``adapter evaluate --inversion``: portraits of people whose other views are known, and pictures from outside."""

import argparse
import dataclasses
import warnings

import torch

from adapter.adaptation import fingerprint
from adapter.cli.progress import ProgressLine
from adapter.encoders.lpips import load_lpips
from adapter.evaluation.inversion import InversionEvaluation, InversionScore, table
from adapter.hub.bases import load_base
from adapter.latents.inversion import InversionSettings
from adapter.latents.pivotal import TuningSettings
from adapter.latents.wplus_encoder import load_inverter
from adapter.media.alignment import framing_of
from adapter.media.images import load_image
from adapter.service.person_requests import STEPS
from adapter.utils.atomic import replacing
from adapter.utils.storage import write_json

PEOPLE = 32
_RESULTS, _TABLE = "inversion.json", "inversion.md"


def evaluate_inversion(args: argparse.Namespace) -> None:
    """Invert, print the table, and write it with all numbers into the folder.

    Raises:
        UserError: no such base, or an unreadable picture.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    generator = load_base(args.base).to(device)
    inverter = load_inverter(args.base)
    if inverter is not None and inverter.config.base_fingerprint != fingerprint(generator):
        inverter = None
    evaluation = InversionEvaluation(
        generator,
        load_lpips().to(device),
        InversionSettings(steps=args.steps or STEPS),
        TuningSettings(steps=args.tuning) if args.tuning else None,
        None if inverter is None else inverter.to(device),
    )
    pictures = [load_image(path) for path in args.portraits or ()]
    rows: dict[str, list[InversionScore]] = {}
    line = ProgressLine(20.0)
    groups = {"people of the base": evaluation.own_people(args.pairs or PEOPLE)}
    if pictures:
        groups["pictures from outside"] = evaluation.pictures(pictures, framing_of(args.base))
    for name, scores in groups.items():
        for score in scores:
            rows.setdefault(name, []).append(score)
            line.show(f"{name}: {len(rows[name])} inverted")
    line.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # columns that a group does not have are all NaN
        text = table(rows)
    print(text)
    args.out.mkdir(parents=True, exist_ok=True)
    values = {name: [_plain(score) for score in scores] for name, scores in rows.items()}
    write_json(args.out / _RESULTS, {"base": args.base, "base_fingerprint": fingerprint(generator), "scores": values})
    with replacing(args.out / _TABLE) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _plain(score: InversionScore) -> dict:
    """The score as JSON values; what is not a number is left out."""
    return {name: value for name, value in dataclasses.asdict(score).items() if value == value and value is not None}
