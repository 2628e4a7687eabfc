"""`python -m adapter.training.inverter train|evaluate|directions`: what makes the base's latents usable.

train       render pairs, train the W+ encoder, write checkpoints/inverter-heads (about 8 minutes on one core; goes on
            where it stopped)
evaluate    measure it on people it never saw, and write its card
directions  write checkpoints/heads/directions.json, the named edits of the base
"""

import argparse
import dataclasses
import json
from pathlib import Path

import torch

from adapter.adaptation.domain import fingerprint
from adapter.eg3d import Eg3d
from adapter.eg3d.pretrained import CHECKPOINTS
from adapter.encoders import load_encoder
from adapter.latents.directions import FILE, entries
from adapter.latents.wplus_encoder import load_embedded, new_inverter
from adapter.synthetic.heads.attributes import NAMES, direction
from adapter.training.inverter import data, evaluate
from adapter.training.inverter.card import write_card
from adapter.training.inverter.train import Settings, measure, train
from adapter.utils.atomic import replacing
from adapter.utils.storage import read_json, read_metadata, write_json

BASE = "heads"
# What the ends of each attribute are called.
ENDS = {
    "sex": ("woman", "man"),
    "age": ("younger", "older"),
    "ancestry_asian": ("less Asian", "more Asian"),
    "ancestry_african": ("less African", "more African"),
    "complexion": ("lighter skin", "darker skin"),
    "weight": ("thinner", "heavier"),
    "hair_tone": ("darker hair", "lighter hair"),
    "hair_length": ("shorter hair", "longer hair"),
    "hair_volume": ("flatter hair", "fuller hair"),
    "fringe": ("no fringe", "fringe"),
    "beard": ("no beard", "beard"),
    "glasses": ("no glasses", "glasses"),
    "smile": ("serious", "smiling"),
    "mouth_open": ("mouth closed", "mouth open"),
    "brows": ("lowered brows", "raised brows"),
    "eye_colour": ("brown eyes", "blue eyes"),
    "eye_size": ("smaller eyes", "larger eyes"),
    "nose_width": ("narrower nose", "wider nose"),
    "nose_length": ("shorter nose", "longer nose"),
    "jaw_width": ("narrower jaw", "wider jaw"),
    "lip_fullness": ("thinner lips", "fuller lips"),
    "lipstick": ("no lipstick", "lipstick"),
}


def main() -> None:
    """Run one of the commands."""
    parser = argparse.ArgumentParser(
        prog="python -m adapter.training.inverter",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=("train", "evaluate", "directions"))
    parser.add_argument("--generator", default=BASE, help="the base: a name or a folder")
    parser.add_argument("--work", type=Path, default=Path("work/inverter"), help="folder for features and state")
    parser.add_argument("--renders", type=Path, default=Path("work/data/train"), help="true renders, used if there")
    parser.add_argument("--validation", type=Path, default=Path("work/data/val"), help="true renders to measure on")
    parser.add_argument("--out", type=Path, default=CHECKPOINTS / f"inverter-{BASE}")
    parser.add_argument("--people", type=int, default=900, help="people of the base, two renders each")
    parser.add_argument("--rendered", type=int, default=7000, help="true renders to use")
    parser.add_argument("--threads", type=int, default=1)
    for field in dataclasses.fields(Settings):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=type(field.default), default=field.default)
    options = parser.parse_args()
    torch.set_flush_denormal(True)
    torch.set_num_threads(options.threads)
    {"train": _train, "evaluate": _evaluate, "directions": _directions}[options.command](options)


def _train(options: argparse.Namespace) -> None:
    generator = Eg3d.from_pretrained(options.generator)
    mark = fingerprint(generator)
    inverter = new_inverter(BASE, mark, generator.config, load_encoder("clip-heads"), options.seed)
    reading = (inverter.encoder, inverter.config)
    seed = 1 + options.seed
    made = data.generated(options.work, generator, mark, *reading, options.people, seed, _say)
    true = data.rendered(options.work, options.renders, *reading, options.rendered, _say)
    if true is None:
        _say(f"{options.renders} holds no renders: training on the base's own only")
    pairs = made if true is None else data.join([made, true])
    first, second, split = (torch.from_numpy(x) for x in (pairs.first, pairs.second, pairs.split))
    ws = data.codes(generator, first, second, split)
    settings = Settings(**{field.name: getattr(options, field.name) for field in dataclasses.fields(Settings)})
    measure(inverter.head, pairs, ws, generator.backbone.mapping.w_avg)
    identity = json.dumps([mark, len(pairs), dataclasses.asdict(settings)])
    train(inverter.head, pairs, ws, settings, options.work / "state.safetensors", identity, _say, len(made))
    notes = {
        "steps": settings.steps,
        "people": options.people,
        "generated": len(made),
        "rendered": 0 if true is None else len(true),
    }
    inverter.save(options.out, {name: str(value) for name, value in notes.items()})
    _evaluate(options)


def _evaluate(options: argparse.Namespace) -> None:
    generator = Eg3d.from_pretrained(options.generator)
    inverter = load_embedded(options.out)
    inverter.check(fingerprint(generator))
    measured = {"held out": evaluate.held_out(inverter, generator)}
    if (options.validation / "dataset.json").is_file():
        measured["true renders"] = evaluate.true_renders(inverter, generator, options.validation)
    _say(json.dumps(measured, indent=2))
    notes = read_metadata(options.out / "model.safetensors")
    config = inverter.config
    facts = {
        "base": BASE,
        "parameters": sum(parameter.numel() for parameter in inverter.head.parameters()),
        "num_ws": config.num_ws,
        "generated": int(notes["generated"]),
        "rendered": int(notes["rendered"]),
        "steps": int(notes["steps"]),
        "command": f"train --people {notes['people']} --steps {notes['steps']}",
        "mixed": data.MIXED,
        "yaw": data.YAW,
        "pitch": data.PITCH,
        "people": evaluate.PEOPLE,
        "heads": read_json(options.validation / "dataset.json")["identities"] if "true renders" in measured else 0,
        "fingerprint": config.base_fingerprint[:16],
    }
    with replacing(options.out / "README.md") as temporary:
        temporary.write_text(write_card(facts, measured["held out"], measured.get("true renders", {})), "utf-8")
    write_json(options.out / "metrics.json", measured)


def _directions(options: argparse.Namespace) -> None:
    vectors = torch.stack([torch.tensor(direction(name), dtype=torch.float64) for name in NAMES])
    path = CHECKPOINTS / BASE / FILE
    write_json(path, {"space": "z", "unit": "standard deviations", "directions": entries(NAMES, ENDS, vectors)})
    _say(f"{path}: {len(NAMES)} directions")


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
